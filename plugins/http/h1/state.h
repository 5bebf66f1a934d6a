/* The state of a connection between callbacks; all zero between requests. */
#pragma once

#include <stdint.h>

#include "http/h1/chunked.h"
#include "http/h1/parser.h"
#include "http/route/reply.h"

struct exchange;

enum {
    CONN_BEGUN = 1 << 0,   /* a part of a request's head has come */
    CONN_LENGTH = 1 << 1,  /* in a body of known length that nobody wants, `left` to come */
    CONN_CHUNKED = 1 << 2, /* in a chunked one */
    CONN_HEAD = 1 << 3,    /* in such a body: answer as to HEAD */
    CONN_BLOCKED = 1 << 4, /* requests wait until output has drained, or for their turn */
    CONN_STOP = 1 << 5,    /* close after the next reply */
    CONN_EOF = 1 << 6,     /* nothing comes after what is being held back */
    CONN_LATE_HEAD = 1 << 7,
    CONN_LATE_BODY = 1 << 8, /* what the deadline is armed for */
    CONN_PERSIST_SHIFT = 9,  /* in such a body: enum http_persist of the reply */
    CONN_PERSIST_MASK = 3 << CONN_PERSIST_SHIFT,
    CONN_ANSWERED = 1 << 11, /* in such a body: the reply has been sent */
    CONN_EXCHANGE = 1 << 12, /* a handler has a request: `exchange` is set */
    CONN_PAUSED = 1 << 13,   /* reading from the socket is, for what has come has to wait */
    CONN_MARKED = 1 << 14,   /* in a body that nobody wants: `reply` is a number of access.c's */
    CONN_BODY = CONN_LENGTH | CONN_CHUNKED,
    CONN_LATE = CONN_LATE_HEAD | CONN_LATE_BODY
};

struct conn {
    union {
        struct http_resume resume;
        uint64_t left;
        struct http_chunked chunked;
        struct exchange *exchange;
    };
    union {
        uint32_t body;     /* in a chunked body that nobody wants: its content so far */
        uint32_t requests; /* else, where they are limited: how many have been so far */
    };
    uint16_t reply; /* in a body that nobody wants: what answers it; see CONN_MARKED */
    uint16_t flags;
};

_Static_assert(sizeof(struct conn) <= 16, "connections are many");
