/* The options of the http plugin, as the config gives them. */
#pragma once

#include <goevd/plugin.h>

/* In one route; struct http_exchange_slot has room for no more. */
#define HTTP_OPTIONS_HANDLERS_MAX 16

struct http_options_respond {
    int64_t status;
    struct goevd_list headers; /* of struct goevd_pair */
    struct goevd_str body;
};

struct http_options_redirect {
    struct goevd_str to;
    int status; /* index into http_redirect_statuses */
};

/* What is done to the headers of replies. */
struct http_options_headers {
    struct goevd_list remove; /* of struct goevd_str */
    struct goevd_list set;    /* of struct goevd_pair, as is add */
    struct goevd_list add;
    bool always; /* also to those that no route has */
};

struct http_options_route {
    struct goevd_str path;
    struct goevd_list methods; /* of int: enum http_method; empty: GET and HEAD, of handlers all */
    const struct http_options_respond *respond;
    const struct http_options_redirect *redirect;
    struct goevd_list handler; /* of struct goevd_plugin * */
    const struct http_options_headers *headers;
    const struct http_options_gzip *gzip; /* NULL: as its host has it, or all */
};

/* One or several names, and what is served under them. */
struct http_options_host {
    struct goevd_list names;  /* of struct goevd_str */
    struct goevd_list routes; /* of struct http_options_route */
    const struct http_options_headers *headers;
    const struct http_options_gzip *gzip; /* NULL: as all have it */
};

/* The content of errors. */
struct http_options_page {
    struct goevd_list status; /* of struct goevd_str: "404" or "4xx" */
    struct goevd_str file;    /* empty: `body` */
    struct goevd_str body;
    struct goevd_str type;
};

enum http_options_access_format { HTTP_OPTIONS_ACCESS_COMBINED, HTTP_OPTIONS_ACCESS_JSON };

struct http_options_access_log {
    struct goevd_str target;
    int format; /* enum http_options_access_format */
    int64_t buffer;
};

/* Compressed content. */
struct http_options_gzip {
    int64_t length_min;
    struct goevd_list types; /* of struct goevd_str */
    int64_t level;           /* 0: none */
};

struct http_options_request_id {
    struct goevd_str header;
    struct goevd_list from; /* of struct goevd_str */
};

struct http_options_forwarded {
    int header;             /* enum http_forwarded_header */
    struct goevd_list from; /* of struct goevd_str */
};

struct http_options_trace {
    struct goevd_list from; /* of struct goevd_str */
    bool sampled;
};

/* HTTP/2, RFC 9113. */
struct http_options_http2 {
    bool cleartext;
    int64_t streams_max;
    int64_t stream_window;
    int64_t connection_window;
    int64_t resets_max;
    int64_t glitches_max;
    int64_t stall_timeout_ns;
};

struct http_options {
    struct goevd_str server;
    int64_t header_timeout_ns;
    int64_t body_timeout_ns;
    int64_t stop_grace_ns;
    int64_t body_rate; /* bytes a second; 0: none */
    int64_t body_max;
    int64_t request_line_max;
    int64_t header_bytes_max;
    int64_t headers_max;
    int64_t body_discard_max;
    int64_t pipeline_max;
    struct goevd_list routes; /* of struct http_options_route */
    struct goevd_list hosts;  /* of struct http_options_host */
    const struct http_options_headers *headers;
    struct goevd_list error_pages; /* of struct http_options_page */
    int64_t error_page_max;
    int64_t requests_max;                             /* of a connection; 0: any number */
    int64_t worker_requests_max;                      /* likewise */
    const struct http_options_access_log *access_log; /* NULL: none, as are the next ones */
    const struct http_options_gzip *gzip;
    int64_t gzip_replies_max; /* of each poller */
    const struct http_options_request_id *request_id;
    const struct http_options_forwarded *forwarded;
    const struct http_options_trace *trace;
    const struct http_options_http2 *http2;
};
