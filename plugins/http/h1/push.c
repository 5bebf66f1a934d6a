#include "http/h1/push.h"

#include <errno.h>
#include <stdlib.h>

#include <goevd/conn.h>

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

/* Memory of which several pieces are queued: released when the last of them is gone. */
struct http_h1_pieces {
    unsigned refs;
    int result; /* of the first that has failed */
    goevd_release_fn release;
    void *arg;
};

static void
http_h1_pieces_unref(void *arg, int result)
{
    struct http_h1_pieces *p = arg;

    if (p->result == 0)
        p->result = result;
    if (--p->refs > 0)
        return;
    p->release(p->arg, p->result);
    free(p);
}

/* From now on the segment may go out in pieces. 0 or -ENOMEM. */
static int
http_h1_pieces_begin(struct http_segment *s)
{
    struct http_h1_pieces *p;

    if (!s->release || s->release == http_h1_pieces_unref)
        return 0;
    p = malloc(sizeof(*p));
    if (!p)
        return -ENOMEM;
    *p = (struct http_h1_pieces){.refs = 1, .release = s->release, .arg = s->arg};
    s->release = http_h1_pieces_unref;
    s->arg = p;
    return 0;
}

/* Nothing of it has gone out. */
static void
http_h1_pieces_undo(struct http_segment *s)
{
    struct http_h1_pieces *p = s->arg;

    if (s->release != http_h1_pieces_unref || p->refs != 1)
        return;
    s->release = p->release;
    s->arg = p->arg;
    free(p);
}

/* Returns as goevd_conn_write_shared(). */
static int
http_h1_push_piece(struct goevd_conn *c, struct http_segment *s, size_t n)
{
    bool more = n < s->len && s->release;
    int r = goevd_conn_write_shared(c, s->data, n, s->release, s->arg);

    if (r < 0)
        return r;
    if (more)
        ((struct http_h1_pieces *)s->arg)->refs++;
    s->data = (const char *)s->data + n;
    s->len -= n;
    return r;
}

/* More than the connection may ever queue at once. Returns as http_h1_push_segment(). */
static int
http_h1_push_pieces(struct goevd_conn *c, struct http_segment *s)
{
    const void *begin = s->data;
    size_t piece = s->len;
    int r = http_h1_pieces_begin(s);

    while (r >= 0 && s->len != 0) {
        int one = http_h1_push_piece(c, s, MIN(s->len, piece));

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
        http_h1_pieces_undo(s);
    return r;
}

int
http_h1_push_segment(struct goevd_conn *c, struct http_segment *s)
{
    int r = s->data ? goevd_conn_write_shared(c, s->data, s->len, s->release, s->arg)
                    : goevd_conn_write_file(c, s->fd, s->offset, s->len, s->release, s->arg);

    if (r == -EMSGSIZE && s->data)
        return http_h1_push_pieces(c, s);
    if (r >= 0)
        s->len = 0;
    return r;
}
