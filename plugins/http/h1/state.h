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
    HTTP_H1_BEGUN = 1 << 0,   /* a part of a request's head has come */
    HTTP_H1_LENGTH = 1 << 1,  /* in a body of known length that nobody wants, `left` to come */
    HTTP_H1_CHUNKED = 1 << 2, /* in a chunked one */
    HTTP_H1_HEAD = 1 << 3,    /* in such a body: answer as to HEAD */
    HTTP_H1_BLOCKED = 1 << 4, /* requests wait until output has drained, or for their turn */
    HTTP_H1_STOP = 1 << 5,    /* close after the next reply */
    HTTP_H1_EOF = 1 << 6,     /* nothing comes after what is being held back */
    HTTP_H1_LATE_HEAD = 1 << 7,
    HTTP_H1_LATE_BODY = 1 << 8, /* what the deadline is armed for */
    HTTP_H1_PERSIST_SHIFT = 9,  /* in such a body: enum http_persist of the reply; with a rest:
                                   whether the connection closes after it */
    HTTP_H1_PERSIST_MASK = 3 << HTTP_H1_PERSIST_SHIFT,
    HTTP_H1_ANSWERED = 1 << 11, /* in such a body: the reply has been sent */
    HTTP_H1_EXCHANGE = 1 << 12, /* a handler has a request: `exchange` is set */
    HTTP_H1_PAUSED = 1 << 13,   /* reading from the socket is, for what has come has to wait */
    HTTP_H1_INFORMED = 1 << 14, /* in a body that nobody wants: `reply` is a number of record.c's */
    HTTP_H1_REST = 1 << 15,     /* the end of a prerendered reply waits: `rest` is set */
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
        uint32_t body;     /* in a chunked body that nobody wants: its content so far; in one that
                              was answered: what came of it since its deadline was armed */
        uint32_t requests; /* else, where they are limited: how many have been so far */
    };
    uint16_t reply; /* in a body that nobody wants: what answers it; see HTTP_H1_INFORMED */
    uint16_t flags;
};

static_assert(sizeof(struct http_h1_conn) <= 16, "connections are many");
