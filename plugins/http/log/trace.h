/* The header traceparent (W3C Trace Context, level 2). A client's trace is continued, otherwise a
 * new trace begins. Each request is a span of its trace. */
#pragma once

#include "http/message/request.h"

#define HTTP_TRACE_LEN 55 /* length of version 00 */
#define HTTP_TRACE_ID_LEN 32
#define HTTP_TRACE_SPAN_LEN 16

struct http_trace {
    uint8_t len;    /* 0: no trace; otherwise HTTP_TRACE_LEN */
    bool continued; /* the client has begun the trace; `caller` is set */
    char caller[HTTP_TRACE_SPAN_LEN];
    char text[HTTP_TRACE_LEN]; /* traceparent for upstreams: id, span of this request, flags */
};

/* Generator of ids, seeded with bytes that are not all zero. */
struct http_trace_random {
    uint64_t state[2];
};

/* Parse a value of traceparent. `text` has the caller's span. False: malformed. */
bool http_trace_parse(struct http_span value, struct http_trace *ret);

/* Continue the trace of a request. False: the request has none, or it is malformed. */
bool http_trace_continue(const struct http_request *req, struct http_trace_random *random,
                         struct http_trace *ret);

/* Begin a new trace. */
void http_trace_begin(struct http_trace_random *random, bool sampled, struct http_trace *ret);

/* Write n as 16 hexadecimal digits. */
void http_trace_hex(char *to, uint64_t n);

static inline struct http_span
http_trace_id(const struct http_trace *t)
{
    return (struct http_span){t->text + 3, HTTP_TRACE_ID_LEN};
}

static inline struct http_span
http_trace_span(const struct http_trace *t)
{
    return (struct http_span){t->text + 36, HTTP_TRACE_SPAN_LEN};
}
