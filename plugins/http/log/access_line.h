/* One line of the access log: what is known of a request and its answer in, bytes out. */
#pragma once

#include <time.h>

#include <goevd/http.h>

#include "http/log/trace.h"
#include "http/message/request.h"

/* At most, with its line break: values are cut to their share of it. */
#define HTTP_ACCESS_LINE_MAX 4096

/* Bytes of the id of a request, at most. */
#define HTTP_ACCESS_ID_MAX 128

/* Bytes of a client's address. */
#define HTTP_ACCESS_CLIENT_MAX 48

/* What a request says. data is NULL where it does not. */
struct http_access_request {
    struct http_span method; /* empty: its head could not be read; then */
    struct http_span target; /* ... as much as came of its first line */
    struct http_span host;
    struct http_span referer;
    struct http_span agent;
    struct http_span user; /* as a handler has found; empty: nobody has looked */
    enum goevd_http_version version;
};

#define HTTP_ACCESS_SPANS 5 /* at the beginning of that struct */

/* What became of it. */
struct http_access_answer {
    struct http_span client;
    struct http_span listener;
    struct http_span id;
    const struct http_trace *trace;
    int status;
    uint64_t bytes; /* of content */
    bool aborted;   /* the reply had begun, and the client did not get all of it */
    uint64_t duration_ns;
    struct timespec at;
};

/* The text of a second, which many lines have. Zeroed at first. */
struct http_access_second {
    time_t second;
    char iso[20];      /* "2026-11-24T16:57:09" */
    char combined[28]; /* "24/Nov/2026:16:57:09 +0000" */
};

/* All but its user. */
void http_access_request_read(const struct http_request *req, enum goevd_http_version version,
                              struct http_access_request *ret);

/* Write it to HTTP_ACCESS_LINE_MAX bytes; returns how many it has. */
size_t http_access_line_json(char *to, struct http_access_second *second,
                             const struct http_access_request *r,
                             const struct http_access_answer *a);
size_t http_access_line_combined(char *to, struct http_access_second *second,
                                 const struct http_access_request *r,
                                 const struct http_access_answer *a);
