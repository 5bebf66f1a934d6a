/* The shortest way of a request that a handler answers in on_request: past the wire's table, from
 * the parser to the handler and from there to the batch. */
#pragma once

#include "http/h1/link.h"

/* What handlers get as goevd_http.reply: the general one where the exchange is none of this wire,
 * or its reply needs more than to be copied. */
int http_h1_quick_reply(struct goevd_http_request *r, int status, const char *type, size_t type_len,
                        const void *body, size_t len);

/* The rest of http_h1_handle() where on_request has not simply replied. r: what it returned. */
cold int http_h1_go_on(struct http_h1_batch *b, struct http_exchange *x, int r);

/* http_h1_handle() for handlers that have a state or need on_close. */
cold int http_h1_handle_any(struct http_h1_batch *b, struct http_exchange *x);

/* A request whose head is good is a handler's. It lies at b->at.
 *
 * number   of the chain.
 * flags    enum http_exchange_flags of what its head says.
 * link     enum http_h1_link_flags of the same.
 * Returns  0; -EBUSY: what follows has to wait; -ENOBUFS: this has to, and nothing was done;
 * another negative value: the connection is lost.
 */
static hot int
http_h1_handle(struct http_h1_batch *b, unsigned number, size_t head_len, unsigned flags,
               unsigned link_flags)
{
    struct http_h1_local *h1 = b->h1;
    const struct http_handler *h = h1->handlers[number];
    struct http_exchange *x = h1->fresh;
    struct http_h1_link *link = http_h1_link(x);
    int r;

    /* for the reply, here where nothing has to be kept across the call; never 0 bytes, so that it
     * is also seen here when no more may be written */
    if (b->room - b->used < h1->reply_guess) {
        r = http_h1_batch_reserve(b, h1->reply_guess, head_len);
        if (unlikely(r < 0 && b->full))
            return -ENOBUFS;
    }
    x->c = b->c;
    x->handler = h;
    x->flags = flags;
    link->batch = b;
    link->flags = link_flags;
    link->head_len = head_len;
    if (unlikely(!h->quick))
        return http_h1_handle_any(b, x);
    x->magic = HTTP_EXCHANGE_MAGIC;
    http_handler_begin(h1->place, h, HTTP_ON_REQUEST);
    r = h->calls.on_request(http_exchange_public(x), NULL);
    http_handler_end(h1->place);
    if (unlikely(x->flags != HTTP_X_ENDED || http_handler_result_wrong(r)))
        return http_h1_go_on(b, x, r);
    x->magic = 0;
    b->at += head_len;
    return 0;
}
