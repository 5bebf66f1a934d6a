/* Formats one line of the access log from a request and its reply. */
#pragma once

#include <time.h>

#include <goevd/http.h>

#include "http/log/trace.h"
#include "http/message/request.h"

/* Longest line, with its line break. Values are truncated to their share of it. */
#define HTTP_ACCESS_LINE_MAX 4096

/* Longest request id, in bytes. */
#define HTTP_ACCESS_ID_MAX 128

/* Longest client address, in bytes. */
#define HTTP_ACCESS_CLIENT_MAX 48

/* The request. data is NULL for a value that the request does not have. */
struct http_access_request {
    struct http_span method; /* empty: the head could not be parsed; then */
    struct http_span target; /* ... the received part of the request line */
    struct http_span host;
    struct http_span referer;
    struct http_span agent;
    struct http_span user; /* set by a handler; empty: no authentication */
    enum goevd_http_version version;
};

#define HTTP_ACCESS_SPANS 5 /* spans at the beginning of the struct */

/* The reply. */
struct http_access_answer {
    struct http_span client;
    struct http_span listener;
    struct http_span id;
    struct http_span tls, cipher; /* empty: the connection is plain */
    bool resumed;                 /* its session continued an earlier one */
    const struct http_trace *trace;
    int status;
    uint64_t bytes; /* bytes of content */
    bool aborted;   /* the reply had begun, and the client did not get all of it */
    uint64_t duration_ns;
    struct timespec at;
};

/* The formatted time of one second, shared by many lines. Zeroed at first. */
struct http_access_second {
    time_t second;
    char iso[20];      /* "2026-11-24T16:57:09" */
    char combined[28]; /* "24/Nov/2026:16:57:09 +0000" */
};

/* Fill in all of `ret` but the user. */
void http_access_request_read(const struct http_request *req, enum goevd_http_version version,
                              struct http_access_request *ret);

/* Write the line, up to HTTP_ACCESS_LINE_MAX bytes. Returns its length. */
size_t http_access_line_json(char *to, struct http_access_second *second,
                             const struct http_access_request *r,
                             const struct http_access_answer *a);
size_t http_access_line_combined(char *to, struct http_access_second *second,
                                 const struct http_access_request *r,
                                 const struct http_access_answer *a);
