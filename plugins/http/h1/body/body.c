#include "http/h1/body/body.h"

#include <errno.h>

/* These functions return 0, or the negative value that http_exchange_body() returned. */

static ptrdiff_t
http_h1_body_length(struct http_h1_batch *b, struct http_exchange *x)
{
    struct http_h1_link *link = http_h1_link(x);
    size_t n = (size_t)MIN((uint64_t)(b->end - b->at), link->body.left);
    ptrdiff_t used = http_exchange_body(x, b->at, n, n == link->body.left);

    if (used < 0)
        return used;
    b->at += used;
    link->body.left -= (uint64_t)used;
    if (link->body.left == 0) {
        link->flags &= ~(unsigned)HTTP_H1_LINK_LENGTH;
        http_exchange_body_complete(x);
    }
    return 0;
}

static ptrdiff_t
http_h1_body_chunked(struct http_h1_batch *b, struct http_exchange *x)
{
    struct http_h1_link *link = http_h1_link(x);
    struct http_chunked *d = &link->body.chunked;
    bool trailers = http_chunked_in_trailers(d);
    struct http_span data;
    ssize_t n = http_chunked_read(d, b->at, (size_t)(b->end - b->at), &data);
    ptrdiff_t used = 0;

    if (n >= 0 && !http_exchange_body_fits(x, data.len + http_chunked_known(d)))
        n = HTTP_LARGE_BODY;
    if (n < 0) {
        http_exchange_break(x, (int)n);
        return 0;
    }
    if (trailers && http_exchange_body_trailers(x, b->at, (size_t)n) < 0)
        return -ENOMEM;
    if (data.len != 0)
        used = http_exchange_body(x, data.data, data.len, false);
    if (used < 0)
        return used;
    if ((size_t)used < data.len) {
        http_chunked_unread(d, data.len - (size_t)used);
        n -= (ssize_t)(data.len - (size_t)used);
    }
    b->at += n;
    if (http_chunked_done(d)) {
        link->flags &= ~(unsigned)HTTP_H1_LINK_CHUNKED;
        http_exchange_body_complete(x);
    }
    return 0;
}

int
http_h1_advanced(struct http_h1_batch *b, struct http_exchange *x, int r)
{
    if (r != 0 || !(b->conn->flags & HTTP_H1_EXCHANGE) || !(b->conn->flags & HTTP_H1_EOF))
        return r;
    http_exchange_break(x, HTTP_BAD_END);
    return http_exchange_advance(x, 0);
}

int
http_h1_body(struct http_h1_batch *b)
{
    struct http_exchange *x = b->conn->exchange;
    ptrdiff_t r;

    if (!http_exchange_wants_body(x))
        return -EBUSY;
    http_h1_link(x)->batch = b;
    http_exchange_enter(x);
    r = (http_h1_link(x)->flags & HTTP_H1_LINK_CHUNKED) ? http_h1_body_chunked(b, x)
                                                        : http_h1_body_length(b, x);
    return http_h1_advanced(b, x, http_exchange_advance(x, r));
}
