/* The shortest path of a request that its handler answers in on_request: from the parser to the
 * handler, and from there into the batch, without a call through struct http_wire. */
#pragma once

#include "http/h1/link.h"

/* Implements goevd_http.reply. Falls back to the general function for an exchange of another wire,
 * and for a reply that needs more than a copy. */
int http_h1_quick_reply(struct goevd_http_request *r, int status, const char *type, size_t type_len,
                        const void *body, size_t len);

/* The rest of http_h1_handle() if on_request did not simply reply. r is its result. */
cold int http_h1_go_on(struct http_h1_batch *b, struct http_exchange *x, int r);

/* http_h1_handle() for handlers that have per-request state or on_close. */
cold int http_h1_handle_any(struct http_h1_batch *b, struct http_exchange *x);

/* Pass the request at b->at, whose head is valid, to a handler.
 *
 * number   of the chain.
 * flags    enum http_exchange_flags of the head.
 * link     enum http_h1_link_flags of the head.
 * Returns  0; -EBUSY: the requests behind this one have to wait; -ENOBUFS: this request has to
 *          wait, and nothing was done; another negative value: the connection is lost.
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

    /* Reserves for the reply here, where no register has to be saved across the call. Never
     * reserves 0 bytes, so that a connection that may not write any more is noticed, too */
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
