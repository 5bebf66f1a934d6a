#include "http/h1/output/batch.h"

#include <goevd/conn.h>

#include "http/h1/output/rest.h"

/* Bytes reserved at once for the replies to several pipelined requests. */
#define BATCH_RESERVE_MAX 16384

void
http_h1_batch_commit(struct http_h1_batch *b)
{
    if (b->out && goevd_conn_commit(b->c, b->used) != 0)
        b->full = true;
    b->out = NULL;
    b->used = b->room = 0;
}

/* http_h1_batch_reserve() when the host has no room for that many bytes. */
static cold int
http_h1_batch_reserve_less(struct http_h1_batch *b, size_t len)
{
    b->room = len;
    b->out = goevd_conn_reserve(b->c, len);
    if (b->out)
        return 0;
    b->room = 0;
    return -EMSGSIZE;
}

int
http_h1_batch_reserve(struct http_h1_batch *b, size_t len, size_t request_len)
{
    size_t ahead = (size_t)(b->end - b->at);
    size_t want = len;

    if (b->out)
        http_h1_batch_commit(b);
    if (b->full)
        return -ENOBUFS;
    if (ahead > request_len && request_len != 0)
        want = MAX(len, MIN(len * (ahead / request_len), BATCH_RESERVE_MAX));
    b->room = want;
    b->out = goevd_conn_reserve(b->c, want);
    return likely(b->out) ? 0 : http_h1_batch_reserve_less(b, len);
}

int
http_h1_batch_pieces(struct http_h1_batch *b, const char *bytes, size_t len, struct http_span body)
{
    int r;

    http_h1_batch_commit(b);
    r = http_h1_rest_begin(b->c, b->conn, bytes, len, body);
    if (r == 1)
        b->full = true;
    return r == -ENOBUFS ? 0 : MIN(r, 0);
}

static int
http_h1_batch_body(struct http_h1_batch *b, const struct http_reply *reply)
{
    int r;

    if (b->conn->flags & HTTP_H1_REST)
        return http_h1_rest_append(b->conn, reply->body);
    http_h1_batch_commit(b);
    r = goevd_conn_write_shared(b->c, reply->body.data, reply->body.len, NULL, NULL);
    if (r == -ENOBUFS || r == -EMSGSIZE)
        r = http_h1_batch_pieces(b, NULL, 0, reply->body);
    if (r == 1)
        b->full = true;
    /* the head has been sent: the reply cannot be taken back */
    return r < 0 ? -EPIPE : 0;
}

int
http_h1_batch_special(struct http_h1_batch *b, const struct http_prerendered *k, unsigned reply,
                      bool head_only)
{
    if (k->measured && !(b->conn->flags & HTTP_H1_EXCHANGE)) /* an exchange measures itself */
        http_durations_count_route(&b->local->durations, k->count_at / HTTP_COUNTS_CLASSES);
    if (!k->apart || head_only)
        return 0;
    return http_h1_batch_body(b, &b->local->http->routes.replies.all[reply]);
}

int
http_h1_batch_no_room(struct http_h1_batch *b, int r, const char *data, size_t len)
{
    return r == -EMSGSIZE ? http_h1_batch_pieces(b, data, len, (struct http_span){0}) : r;
}
