#include "http/h1/link.h"

#include <errno.h>

#include "http/h1/output/push.h"

int
http_h1_link_fresh(struct http_local *local)
{
    struct http_exchange *x = http_exchange_take(local, &http_h1_wire);

    if (!x)
        return -ENOMEM;
    x->req = local->h1->request;
    local->h1->fresh = x;
    return 0;
}

int
http_h1_link_attach(struct http_h1_batch *b, struct http_exchange *x)
{
    struct http_h1_link *link = http_h1_link(x);

    if (http_h1_link_fresh(b->local) < 0)
        return -ENOMEM;
    link->conn = b->conn;
    link->head = b->at;
    if (link->flags & HTTP_H1_LINK_LENGTH)
        link->body.left = x->req->content_length;
    else
        link->body.chunked = (struct http_chunked){0};
    b->at += link->head_len;
    b->conn->exchange = x;
    http_exchange_count_open(x, 1);
    x->flags |= HTTP_X_WIRE;
    b->conn->flags |= HTTP_H1_EXCHANGE;
    return 0;
}

void
http_h1_link_gone(struct http_h1_conn *conn, enum goevd_http_reason reason)
{
    struct http_exchange *x = conn->exchange;

    conn->flags &= (uint16_t)~HTTP_H1_EXCHANGE;
    conn->left = 0;
    http_h1_link(x)->batch = NULL;
    http_exchange_gone(x, reason);
}

/* ---- The head of a request that outlives its batch ------------------------------------------- */

static int
http_h1_link_copy_head(struct http_exchange *x, struct http_h1_link *link)
{
    struct http_span head = {link->head, link->head_len};
    struct http_request *copy = http_request_copy(&link->copy, x->req, head, x->local->h1->scratch);

    if (!copy)
        return -ENOMEM;
    x->req = copy;
    link->flags |= HTTP_H1_LINK_KEPT;
    return 0;
}

int
http_h1_link_keep(struct http_h1_batch *b, int r)
{
    struct http_exchange *x = b->conn->exchange;
    struct http_h1_link *link = http_h1_link(x);

    if (!(link->flags & HTTP_H1_LINK_KEPT) && http_h1_link_copy_head(x, link) < 0) {
        http_h1_link_gone(b->conn, GOEVD_HTTP_REASON_GONE);
        return -ENOMEM;
    }
    link->batch = NULL;
    http_exchange_idle(x);
    return r;
}

/* ---- Output: to the connection, or into the queue behind it ---------------------------------- */

int
http_h1_link_put(struct http_exchange *x, struct http_span s)
{
    struct http_h1_link *link = http_h1_link(x);
    int r = -ENOBUFS;

    if (link->batch)
        http_h1_batch_commit(link->batch);
    if (!http_h1_link_waits(link))
        r = http_h1_push_bytes(x->c, &s.data, &s.len);
    if (r == -ENOBUFS)
        r = http_buffer_append(&link->rest, s.data, s.len) < 0 ? -ENOMEM : 1;
    if (r == 1 && link->batch)
        link->batch->full = true;
    return r;
}

int
http_h1_link_put_all(struct http_exchange *x, const struct http_span *parts, size_t count)
{
    int r = 0;

    for (size_t i = 0; r >= 0 && i < count; i++) {
        int one = http_h1_link_put(x, parts[i]);

        r = one < 0 ? one : r | one;
    }
    return r;
}

int
http_h1_link_put_segment(struct http_exchange *x, struct http_segment *s)
{
    struct http_h1_link *link = http_h1_link(x);
    int r;

    if (link->batch)
        http_h1_batch_commit(link->batch);
    r = http_h1_push_segment(x->c, s);
    if (r == -ENOBUFS) {
        link->segment = *s;
        r = 1;
    }
    return r;
}

int
http_h1_link_flush(struct http_exchange *x)
{
    struct http_h1_link *link = http_h1_link(x);
    const char *at;
    size_t len;
    int r = 0;

    if (link->segment.len != 0) {
        r = http_h1_push_segment(x->c, &link->segment);
        if (r < 0)
            return r == -ENOBUFS ? 1 : r;
    }
    if (link->rest.len != 0) {
        at = link->rest.data + link->rest_at;
        len = link->rest.len - link->rest_at;
        r = http_h1_push_bytes(x->c, &at, &len);
        link->rest_at = link->rest.len - len;
        if (len == 0) {
            link->rest_at = 0;
            http_buffer_clear(&link->rest, HTTP_EXCHANGE_KEEP_BYTES);
        }
    }
    return r == -ENOBUFS ? 1 : r;
}
