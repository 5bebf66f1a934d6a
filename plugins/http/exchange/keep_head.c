/* The head of a request that lasts: the read buffer, in which it lies, goes to others. */
#include "http/exchange/exchange.h"

static void
http_exchange_move(const char **p, const char *from, size_t len, char *to)
{
    uintptr_t at = (uintptr_t)*p - (uintptr_t)from;

    if (at <= len)
        *p = to + at;
}

/* Copy the request, the bytes that it lies in, and its path if that had to be changed. */
static int
http_exchange_copy_head(struct http_exchange *x, const char *head)
{
    const struct http_request *req = x->req;
    const char *scratch = x->local->scratch;
    size_t fields = sizeof(*req) + req->field_count * sizeof(req->fields[0]);
    bool changed = req->path.data == scratch;
    struct http_request *copy;
    char *bytes;
    char *path;

    if (http_buffer_reserve(&x->copy, fields + x->head_len + (changed ? req->path.len : 0)) < 0)
        return -ENOMEM;
    copy = (struct http_request *)(void *)x->copy.data;
    bytes = x->copy.data + fields;
    path = bytes + x->head_len;
    memcpy(copy, req, fields);
    memcpy(bytes, head, x->head_len);
    if (changed)
        memcpy(path, scratch, req->path.len);
    for (uint32_t i = 0; i < req->field_count; i++) {
        http_exchange_move(&copy->fields[i].name, head, x->head_len, bytes);
        http_exchange_move(&copy->fields[i].value, head, x->head_len, bytes);
    }
    http_exchange_move(&copy->target.data, head, x->head_len, bytes);
    if (changed)
        copy->path.data = path;
    else
        http_exchange_move(&copy->path.data, head, x->head_len, bytes);
    x->req = copy;
    x->flags |= HTTP_X_KEPT;
    return 0;
}

int
http_exchange_keep(struct http_h1_batch *b, int r)
{
    struct http_exchange *x = b->conn->exchange;

    if (!(x->flags & HTTP_X_KEPT) && http_exchange_copy_head(x, x->head) < 0) {
        http_exchange_gone(b->conn, GOEVD_REASON_ERROR);
        return -ENOMEM;
    }
    x->turn = NULL;
    if (x->gzip)
        http_exchange_gzip_settle(x);
    return r;
}
