#include "http/h1/output/push.h"

#include <errno.h>

#include <goevd/conn.h>

#include "http/exchange/pieces.h"

/* Bytes that are copied at once. */
#define PUSH_COPY_MAX 16384

/* The smallest piece that is tried: every output_max is larger. */
#define PUSH_PIECE_MIN 1024

int
http_h1_push_bytes(struct goevd_conn *c, const char **at, size_t *len)
{
    size_t piece = PUSH_COPY_MAX;
    int r = 0;

    while (*len != 0) {
        size_t n = MIN(*len, piece);
        int one = goevd_conn_write(c, *at, n);

        if (one == -EMSGSIZE && piece > PUSH_PIECE_MIN) {
            piece /= 4;
            continue;
        }
        if (one < 0)
            return one;
        *at += n;
        *len -= n;
        r |= one;
    }
    return r;
}

/* More than the connection may ever queue at once. Returns as http_h1_push_segment(). */
static int
http_h1_push_pieces(struct goevd_conn *c, struct http_segment *s)
{
    const void *begin = s->data;
    size_t piece = s->len;
    int r = http_pieces_begin(s);

    while (r >= 0 && s->len != 0) {
        int one = http_pieces_write(c, s, MIN(s->len, piece));

        if (one == -EMSGSIZE && piece > PUSH_PIECE_MIN)
            piece = MAX(piece / 4, PUSH_PIECE_MIN);
        else
            r = one < 0 ? one : r | one;
    }
    if (r >= 0)
        return r;
    if (s->data != begin) /* it is not the caller's any more */
        return -ENOBUFS;
    if (r != -ENOBUFS)
        http_pieces_undo(s);
    return r;
}

int
http_h1_push_segment(struct goevd_conn *c, struct http_segment *s)
{
    int r = http_pieces_write(c, s, s->len);

    return r == -EMSGSIZE && s->data ? http_h1_push_pieces(c, s) : r;
}
