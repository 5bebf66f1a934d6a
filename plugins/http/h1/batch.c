#include "http/h1/batch.h"

#include "http/h1/record.h"

#include <goevd/conn.h>

/* Reserved at once for the replies to several pipelined requests. */
#define BATCH_RESERVE_MAX 16384

void
http_h1_batch_commit(struct http_h1_batch *b)
{
    if (b->out && goevd_conn_commit(b->c, b->used) != 0)
        b->full = true;
    b->out = NULL;
    b->used = b->room = 0;
}

/* http_h1_batch_reserve() where there is no room for that much. */
static cold int
http_h1_batch_reserve_less(struct http_h1_batch *b, size_t len)
{
    b->room = len;
    b->out = goevd_conn_reserve(b->c, len);
    if (b->out)
        return 0;
    b->room = 0;
    return goevd_conn_queued(b->c) != 0 ? -ENOBUFS : -ENOMEM;
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
http_h1_batch_body(struct http_h1_batch *b, const struct http_reply *reply)
{
    int r;

    http_h1_batch_commit(b);
    r = goevd_conn_write_shared(b->c, reply->body.data, reply->body.len, NULL, NULL);
    if (r == 1)
        b->full = true;
    /* the head has gone out: there is no way back */
    return r < 0 ? -EPIPE : 0;
}

static char *
http_h1_batch_put(char *to, const char *data, size_t len)
{
    memcpy(to, data, len);
    return to + len;
}

int
http_h1_batch_reply_with_id(struct http_h1_batch *b, unsigned reply, enum http_persist persist,
                            bool head_only, size_t request_len)
{
    const struct http_options_request_id *o = b->local->http->options->request_id;
    const struct http_prerendered *k = http_prerendered_get(&b->h1->prerendered, reply, persist);
    const struct http_request_info *info;
    size_t len, head;
    char *to;

    if (!o || !k)
        return http_h1_batch_reply(b, reply, persist, head_only, request_len);
    info = http_h1_record_info(b);
    head = k->head_len - 2; /* up to the empty line */
    len = (head_only ? k->head_len : k->len) + o->header.len + 2 + info->id_len + 2;
    if (b->room - b->used < len) {
        int r = http_h1_batch_reserve(b, len, request_len);

        if (r < 0)
            return r;
    }
    to = http_h1_batch_put(b->out + b->used, k->data, head);
    to = http_h1_batch_put(to, o->header.data, o->header.len);
    to = http_h1_batch_put(to, ": ", 2);
    to = http_h1_batch_put(to, info->id, info->id_len);
    to = http_h1_batch_put(to, "\r\n", 2);
    http_h1_batch_put(to, k->data + head, (head_only ? k->head_len : k->len) - head);
    b->used += len;
    return http_h1_batch_replied(b, k, reply, persist, head_only);
}

int
http_h1_batch_fail(struct http_h1_batch *b, int verdict, bool head_only)
{
    unsigned reply = http_verdict_index(verdict);
    int r;

    assert(reply < HTTP_VERDICT_COUNT);
    r = http_h1_batch_reply_with_id(b, reply, HTTP_PERSIST_CLOSE, head_only, 0);
    if (r < 0)
        return r;
    b->h1->refused[reply]++;
    if (b->h1->limits.flags & HTTP_INFORMED)
        http_h1_record_refused(b, reply, head_only);
    b->close_flags = GOEVD_CLOSE_FLUSH;
    return 0;
}
