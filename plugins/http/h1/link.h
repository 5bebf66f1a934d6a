/* The HTTP/1.1 part of an exchange: the framing of its messages, and its queued output.
 *
 * Most requests are answered in on_request. Their exchange belongs to the poller and is reused, and
 * their head lies in the read buffer. An exchange that outlives on_request is attached to its
 * connection. At the end of the batch its head is copied, and the poller allocates another
 * exchange. */
#pragma once

#include "http/exchange/exchange.h"
#include "http/h1/output/batch.h"

enum http_h1_link_flags {
    HTTP_H1_LINK_OLD = 1 << 0,      /* HTTP/1.0 */
    HTTP_H1_LINK_TELL = 1 << 1,     /* HTTP_PERSIST_TOLD */
    HTTP_H1_LINK_CLOSE = 1 << 2,    /* the connection closes after the reply */
    HTTP_H1_LINK_LENGTH = 1 << 3,   /* body.left bytes of the body are still to be read */
    HTTP_H1_LINK_CHUNKED = 1 << 4,  /* the same for a chunked body */
    HTTP_H1_LINK_CONTINUE = 1 << 5, /* the client waits for 100 (Continue) */
    HTTP_H1_LINK_CHUNKS = 1 << 6,   /* the reply's content is sent in chunks */
    HTTP_H1_LINK_KEPT = 1 << 7,     /* the request's head has been copied */
    HTTP_H1_LINK_DRAIN = 1 << 8,    /* the rest of the body is read, whatever its length */
    HTTP_H1_LINK_BODY = HTTP_H1_LINK_LENGTH | HTTP_H1_LINK_CHUNKED
};

struct http_h1_link {
    struct http_h1_batch *batch; /* the running batch; NULL: none */
    struct http_h1_conn *conn;   /* set when the exchange is attached; see http_h1_link_conn() */
    unsigned flags;              /* enum http_h1_link_flags */
    size_t head_len;
    const char *head; /* the head in the read buffer, until it is copied */
    union {
        uint64_t left;
        struct http_chunked chunked;
    } body;
    struct http_buffer rest; /* queued output behind `segment`; begins at rest_at */
    size_t rest_at;
    struct http_segment segment; /* queued output that the connection had no room for */
    struct http_buffer copy;     /* memory of the copied head and request */
};

extern const struct http_wire http_h1_wire;

static inline struct http_h1_link *
http_h1_link(const struct http_exchange *x)
{
    return (struct http_h1_link *)(uintptr_t)x->link;
}

static inline struct http_h1_conn *
http_h1_link_conn(const struct http_h1_link *link)
{
    return link->batch ? link->batch->conn : link->conn;
}

/* Allocate the exchange for the poller's next request. 0; -ENOMEM. */
int http_h1_link_fresh(struct http_local *local);

/* Attach the exchange to its connection, and allocate another for the poller. 0; -ENOMEM. */
int http_h1_link_attach(struct http_h1_batch *b, struct http_exchange *x);

/* End a batch whose input, with the head of an unfinished exchange, becomes invalid: copy the head.
 * r is the result of the batch. Returns r, or -ENOMEM. */
int http_h1_link_keep(struct http_h1_batch *b, int r);

/* The connection has ended, and with it its exchange. */
void http_h1_link_gone(struct http_h1_conn *conn, enum goevd_http_reason reason);

/* ---- Output ---------------------------------------------------------------------------------- */

/* Whether output waits for the client. */
static inline bool
http_h1_link_waits(const struct http_h1_link *link)
{
    return link->segment.len != 0 || link->rest.len != 0;
}

/* Write output, or queue the part that the connection has no room for. Only the quick path bypasses
 * these functions. They return as the functions of a wire do. */
int http_h1_link_put(struct http_exchange *x, struct http_span data);
int http_h1_link_put_all(struct http_exchange *x, const struct http_span *parts, size_t count);
int http_h1_link_put_segment(struct http_exchange *x, struct http_segment *s);

/* Move queued output to the connection. 0; 1: part of it is still queued; another value: the
 * connection is lost. */
int http_h1_link_flush(struct http_exchange *x);
