/* What an exchange has of HTTP/1.1: how its messages are framed, and what waits for the client.
 *
 * Most requests are answered in on_request: then the exchange is the poller's, used for one after
 * the other, and its head lies in what was read. One that lasts is attached to its connection; when
 * the batch ends its head is copied, and the poller takes another. */
#pragma once

#include "http/exchange/exchange.h"
#include "http/h1/batch.h"

enum http_h1_link_flags {
    HTTP_H1_LINK_OLD = 1 << 0,      /* HTTP/1.0 */
    HTTP_H1_LINK_TELL = 1 << 1,     /* HTTP_PERSIST_TOLD */
    HTTP_H1_LINK_CLOSE = 1 << 2,    /* the connection ends after the reply */
    HTTP_H1_LINK_LENGTH = 1 << 3,   /* a body of body.left bytes is still to be read */
    HTTP_H1_LINK_CHUNKED = 1 << 4,  /* or a chunked one */
    HTTP_H1_LINK_CONTINUE = 1 << 5, /* the client waits for 100 */
    HTTP_H1_LINK_CHUNKS = 1 << 6,   /* content of the reply goes out in chunks */
    HTTP_H1_LINK_KEPT = 1 << 7,     /* its head is a copy */
    HTTP_H1_LINK_DRAIN = 1 << 8,    /* what is left of the body will be read, whatever its length */
    HTTP_H1_LINK_BODY = HTTP_H1_LINK_LENGTH | HTTP_H1_LINK_CHUNKED
};

struct http_h1_link {
    struct http_h1_batch *batch; /* that runs; NULL: none */
    struct http_h1_conn *conn;   /* set when it is attached; see http_h1_link_conn() */
    unsigned flags;              /* enum http_h1_link_flags */
    size_t head_len;
    const char *head; /* what was read, until its head is kept */
    union {
        uint64_t left;
        struct http_chunked chunked;
    } body;
    struct http_buffer rest; /* of the output, behind `segment`; from rest_at on */
    size_t rest_at;
    struct http_segment segment; /* that the connection had no room for */
    struct http_buffer copy;     /* of head and request */
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

/* Let the poller have another exchange for its next request. 0; -ENOMEM. */
int http_h1_link_fresh(struct http_local *local);

/* It lasts: the connection knows it, and the poller takes another for the next request. 0;
 * -ENOMEM. */
int http_h1_link_attach(struct http_h1_batch *b, struct http_exchange *x);

/* The end of a batch: the input that the head of its exchange lies in goes away. r: how the batch
 * ended. Returns it, or -ENOMEM. */
int http_h1_link_keep(struct http_h1_batch *b, int r);

/* The connection, and so its exchange, has ended. */
void http_h1_link_gone(struct http_h1_conn *conn, enum goevd_http_reason reason);

/* ---- Output ---------------------------------------------------------------------------------- */

/* Whether some waits for the client. */
static inline bool
http_h1_link_waits(const struct http_h1_link *link)
{
    return link->segment.len != 0 || link->rest.len != 0;
}

/* All output but the quickest goes through here. What the connection has no room for is kept.
 * Return as the functions of a wire. */
int http_h1_link_put(struct http_exchange *x, struct http_span data);
int http_h1_link_put_all(struct http_exchange *x, const struct http_span *parts, size_t count);
int http_h1_link_put_segment(struct http_exchange *x, struct http_segment *s);

/* Queue what waits, as far as there is room. 0; 1 if there was not enough; another: the connection
 * is lost. */
int http_h1_link_flush(struct http_exchange *x);
