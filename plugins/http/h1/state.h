/* The state of a connection between callbacks; all zero between requests. */
#pragma once

#include <assert.h>
#include <stdint.h>

#include "http/h1/format/chunked.h"
#include "http/h1/format/head.h"
#include "http/h1/format/parser.h"

struct http_exchange;
struct http_h1_rest;

enum {
    HTTP_H1_BEGUN = 1 << 0,   /* part of a request's head has arrived */
    HTTP_H1_LENGTH = 1 << 1,  /* discarding a body of known length: `left` bytes to come */
    HTTP_H1_CHUNKED = 1 << 2, /* discarding a chunked body */
    HTTP_H1_HEAD = 1 << 3,    /* the discarded body belongs to HEAD: reply without a body */
    HTTP_H1_BLOCKED = 1 << 4, /* requests wait for output to drain, or for the next batch */
    HTTP_H1_STOP = 1 << 5,    /* close after the next reply */
    HTTP_H1_EOF = 1 << 6,     /* the client has closed its side; only buffered input is left */
    HTTP_H1_LATE_HEAD = 1 << 7,
    HTTP_H1_LATE_BODY = 1 << 8, /* with LATE_HEAD: what the deadline is for */
    HTTP_H1_PERSIST_SHIFT = 9,  /* enum http_persist of the reply to a discarded body; with REST:
                                 * whether the connection closes after it */
    HTTP_H1_PERSIST_MASK = 3 << HTTP_H1_PERSIST_SHIFT,
    HTTP_H1_ANSWERED = 1 << 11, /* the discarded body has been answered already */
    HTTP_H1_EXCHANGE = 1 << 12, /* a handler has the request: `exchange` is set */
    HTTP_H1_PAUSED = 1 << 13,   /* reading is paused, because buffered input has to wait */
    HTTP_H1_INFORMED = 1 << 14, /* discarding a body: `reply` is the number of a record */
    HTTP_H1_REST = 1 << 15,     /* the end of a prerendered reply is queued: `rest` is set */
    HTTP_H1_BODY = HTTP_H1_LENGTH | HTTP_H1_CHUNKED,
    HTTP_H1_LATE = HTTP_H1_LATE_HEAD | HTTP_H1_LATE_BODY
};

struct http_h1_conn {
    union {
        struct http_resume resume;
        uint64_t left;
        struct http_chunked chunked;
        struct http_exchange *exchange;
        struct http_h1_rest *rest;
    };
    union {
        uint32_t body;     /* discarding a chunked body: content bytes so far; once it is answered:
                            * content bytes since its deadline was armed */
        uint32_t requests; /* otherwise, if requests_max is set: number of requests so far */
    };
    uint16_t reply; /* number of the reply to a discarded body, or of its record if INFORMED */
    uint16_t flags;
};

static_assert(sizeof(struct http_h1_conn) <= 16, "connections are many");
