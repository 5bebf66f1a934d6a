/* How an exchange travels. HTTP/1.1 is one wire (h1/), HTTP/2 will be another.
 *
 * The wire makes the exchange of a request that it has decoded, and gives it the content of the
 * body as that comes; exchange.h says how. What an exchange wants of its wire is in this table. The
 * wire frames and queues; the exchange counts, compresses, and knows the handlers.
 *
 * Flow control goes both ways. In: http_exchange_body() returns how much the handler has taken,
 * which is what the wire opens the peer's window by; what was not taken stays with the wire until
 * `want`. Out: a function that returns 1 has taken all it was given and asks to be left alone until
 * the wire calls http_exchange_drained(). A wire without `room` is given no more content.
 */
#pragma once

#include <goevd/http.h>

#include "http/message/buffer.h"

struct http_exchange;

/* Content by reference. */
struct http_segment {
    const void *data; /* NULL: of a file */
    int fd;
    off_t offset;
    size_t len; /* 0: there is none */
    goevd_release_fn release;
    void *arg;
};

/* The head of a reply. */
struct http_wire_head {
    int status;
    struct http_span type;            /* of its content; empty: none, or it is in `fields` */
    const struct http_buffer *fields; /* header lines, each with CR LF */
    uint64_t length;                  /* of its content; GOEVD_HTTP_LENGTH_UNKNOWN */
    bool whole;                       /* the reply is, and no more of the body is read */
};

/* Where nothing else is said they return 0, 1 as above, -EPIPE where the connection is lost, or
 * another negative value: the reply cannot go on. */
struct http_wire {
    enum goevd_http_version (*version)(const struct http_exchange *x);
    const char *(*scheme)(const struct http_exchange *x); /* "http" or "https" */

    /* ---- The body in */

    /* The handler waits for the body, or for more of it: let the client send, and give it what the
     * handler has left. */
    int (*want)(struct http_exchange *x);

    /* ---- The reply out, in this order; once `head` was called no other head may be */

    int (*interim)(struct http_exchange *x, int status, const struct http_buffer *fields);
    int (*head)(struct http_exchange *x, const struct http_wire_head *head);
    int (*content)(struct http_exchange *x, const char *data, size_t len); /* len is not 0 */

    /* Content by reference, which is the wire's from then on: it calls release, once. Where it
     * returns a negative value it is not. -ENOBUFS: there is no room, and nothing was done. */
    int (*segment)(struct http_exchange *x, struct http_segment *s);

    /* The content is complete. Not where it is left out: after HEAD, 204, 205 and 304. */
    int (*end)(struct http_exchange *x, const struct http_buffer *trailers);

    bool (*room)(const struct http_exchange *x);           /* nothing waits for the client */
    bool (*takes_trailers)(const struct http_exchange *x); /* of the reply whose head was sent */

    /* ---- Its end */

    /* Let what has gone wrong end it: with the reply for a verdict, or without one for 0 and
     * -EPIPE. -ENOBUFS: not now, again when there is room. `done` follows in any other case. */
    int (*abort)(struct http_exchange *x, int verdict);

    /* It is over, and will not be touched again: `whole` or aborted. Not called where the wire
     * itself has ended it by http_exchange_gone(). */
    void (*done)(struct http_exchange *x, bool whole);

    /* Release what waits for the client. */
    void (*drop)(struct http_exchange *x);

    /* Let the link be ready for another request; memory above `keep` bytes is given back. */
    void (*reset)(struct http_exchange *x, size_t keep);

    /* The exchange was changed outside of its wire's callbacks: call http_exchange_advance(). */
    void (*run)(struct http_exchange *x);

    /* ---- Other protocols */

    /* Add the header lines that ask the client to go on with a protocol. 0; -ENOTSUP; -ENOMEM. */
    int (*offer)(struct http_exchange *x, const char *protocol, struct http_buffer *fields);

    /* Agree to go on with one. -EPROTO: this request cannot. */
    int (*upgrade)(struct http_exchange *x, const char *protocol, const struct http_buffer *fields);

    /* That has gone out: let the connection be that of x->upgrade.to. -EBUSY: it is, or will be;
     * -ENOMEM. */
    int (*hand_over)(struct http_exchange *x);
};
