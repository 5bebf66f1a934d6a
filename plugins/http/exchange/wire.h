/* The interface between an exchange and its wire. HTTP/1.1 is one wire (h1/), HTTP/2 will be
 * another.
 *
 * The wire creates the exchange of a decoded request and passes body content to it; see exchange.h.
 * The exchange calls the wire through this table. The wire frames and queues. The exchange counts,
 * compresses, and calls the handlers.
 *
 * Flow control works in both directions. Input: http_exchange_body() returns the number of bytes
 * that the handler has taken, by which the wire opens the peer's window. The wire keeps the other
 * bytes until `want`. Output: a function that returns 1 has taken all its bytes, and must not be
 * called again until the wire calls http_exchange_drained(). While `room` is false, the exchange
 * passes no more content. */
#pragma once

#include <goevd/http.h>

#include "http/message/text/buffer.h"

struct http_exchange;

/* Content by reference. */
struct http_segment {
    const void *data; /* NULL: the content comes from a file */
    int fd;
    off_t offset;
    size_t len; /* 0: no segment */
    goevd_release_fn release;
    void *arg;
};

/* The head of a reply. */
struct http_wire_head {
    int status;
    struct http_span type;            /* content type; empty: none, or the type is in `fields` */
    const struct http_buffer *fields; /* header lines, each with CR LF */
    uint64_t length;                  /* of the content, or GOEVD_HTTP_LENGTH_UNKNOWN */
    bool whole;                       /* the whole reply is ready, and no more of the body is
                                       * read */
};

/* Unless stated otherwise the functions return 0; 1 as above; -EPIPE: the connection is lost;
 * another negative value: the reply cannot continue. */
struct http_wire {
    enum goevd_http_version (*version)(const struct http_exchange *x);
    const char *(*scheme)(const struct http_exchange *x); /* "http" or "https" */

    /* ---- The request body -------------------------------------------------------------------- */

    /* The handler waits for body content: let the client send, and pass the content that the
     * handler has left. */
    int (*want)(struct http_exchange *x);

    /* ---- The reply, in this order; after `head` no other head may follow --------------------- */

    int (*interim)(struct http_exchange *x, int status, const struct http_buffer *fields);
    int (*head)(struct http_exchange *x, const struct http_wire_head *head);
    int (*content)(struct http_exchange *x, const char *data, size_t len); /* len is not 0 */

    /* Send content by reference. The wire owns the segment and calls release once, unless a
     * negative value is returned. -ENOBUFS: there is no room, and nothing was done. */
    int (*segment)(struct http_exchange *x, struct http_segment *s);

    /* The content is complete. Not called if it is left out: after HEAD, 204, 205 and 304. */
    int (*end)(struct http_exchange *x, const struct http_buffer *trailers);

    bool (*room)(const struct http_exchange *x);           /* no output waits for the client */
    bool (*takes_trailers)(const struct http_exchange *x); /* whether the reply, whose head was
                                                            * sent, may have trailers */

    /* ---- The end ----------------------------------------------------------------------------- */

    /* End the exchange after an error: with the reply for a verdict; 0 and -EPIPE: without one.
     * -ENOBUFS: no room, call again after draining. In all other cases `done` follows. */
    int (*abort)(struct http_exchange *x, int verdict);

    /* The exchange is over, by a whole reply or by `abort`, and will not use the wire again. Not
     * called after http_exchange_gone(). */
    void (*done)(struct http_exchange *x, bool whole);

    /* Drop output that waits for the client. */
    void (*drop)(struct http_exchange *x);

    /* Reset the link for another request; free buffers larger than `keep` bytes. */
    void (*reset)(struct http_exchange *x, size_t keep);

    /* The exchange was changed outside of its wire's callbacks: call http_exchange_advance(). */
    void (*run)(struct http_exchange *x);

    /* ---- Other protocols */

    /* Add the header lines that offer a protocol to the client. 0; -ENOTSUP; -ENOMEM. */
    int (*offer)(struct http_exchange *x, const char *protocol, struct http_buffer *fields);

    /* Accept the upgrade to a protocol. -EPROTO: this request cannot be upgraded. */
    int (*upgrade)(struct http_exchange *x, const char *protocol, const struct http_buffer *fields);

    /* The reply to the upgrade has been sent: pass the connection to x->upgrade.to. -EBUSY: done,
     * or pending; -ENOMEM. */
    int (*hand_over)(struct http_exchange *x);
};
