#include "http/h1/link.h"

#include <errno.h>

size_t
http_h1_link_size(void)
{
    return sizeof(struct http_h1_link);
}

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

/* ---- The head of a request that lasts -------------------------------------------------------- */

static void
http_h1_link_move(const char **p, const char *from, size_t len, char *to)
{
    uintptr_t at = (uintptr_t)*p - (uintptr_t)from;

    if (at <= len)
        *p = to + at;
}

/* Copy the request, the bytes that it lies in, and its path if that had to be changed. */
static int
http_h1_link_copy_head(struct http_exchange *x, struct http_h1_link *link)
{
    const struct http_request *req = x->req;
    const char *scratch = x->local->h1->scratch;
    size_t fields = sizeof(*req) + req->field_count * sizeof(req->fields[0]);
    bool changed = req->path.data == scratch;
    size_t len = link->head_len;
    struct http_request *copy;
    char *bytes;
    char *path;

    if (http_buffer_reserve(&link->copy, fields + len + (changed ? req->path.len : 0)) < 0)
        return -ENOMEM;
    copy = (struct http_request *)(void *)link->copy.data;
    bytes = link->copy.data + fields;
    path = bytes + len;
    memcpy(copy, req, fields);
    memcpy(bytes, link->head, len);
    if (changed)
        memcpy(path, scratch, req->path.len);
    for (uint32_t i = 0; i < req->field_count; i++) {
        http_h1_link_move(&copy->fields[i].name, link->head, len, bytes);
        http_h1_link_move(&copy->fields[i].value, link->head, len, bytes);
    }
    http_h1_link_move(&copy->target.data, link->head, len, bytes);
    if (changed)
        copy->path.data = path;
    else
        http_h1_link_move(&copy->path.data, link->head, len, bytes);
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
