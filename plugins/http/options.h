/* The options of the http plugin, as parsed from the configuration. */
#pragma once

#include <goevd/plugin.h>

/* Most handlers of one route: the id of an exchange has 4 bits for the handler. */
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

/* Edits of reply headers. */
struct http_options_headers {
    struct goevd_list remove; /* of struct goevd_str */
    struct goevd_list set;    /* lists of struct goevd_pair */
    struct goevd_list add;
    bool always; /* also for replies without a route */
};

struct http_options_route {
    struct goevd_str path;
    struct goevd_list methods; /* of int: enum http_method; empty: GET and HEAD, or all methods for
                                * handlers */
    const struct http_options_respond *respond;
    const struct http_options_redirect *redirect;
    struct goevd_list handler; /* of struct goevd_plugin * */
    const struct http_options_headers *headers;
    const struct http_options_gzip *gzip; /* NULL: the value of its host, or the general one */
};

/* A virtual host: its names and its routes. */
struct http_options_host {
    struct goevd_list names;  /* of struct goevd_str */
    struct goevd_list routes; /* of struct http_options_route */
    const struct http_options_headers *headers;
    const struct http_options_gzip *gzip; /* NULL: the general value */
};

/* Error pages: the content of error replies. */
struct http_options_page {
    struct goevd_list status; /* of struct goevd_str: "404" or "4xx" */
    struct goevd_str file;    /* empty: `body` is set */
    struct goevd_str body;
    struct goevd_str type;
};

enum http_options_access_format { HTTP_OPTIONS_ACCESS_COMBINED, HTTP_OPTIONS_ACCESS_JSON };

struct http_options_access_log {
    struct goevd_str target;
    int format; /* enum http_options_access_format */
    int64_t buffer;
};

/* Compression of content. */
struct http_options_gzip {
    int64_t length_min;
    struct goevd_list types; /* of struct goevd_str */
    int64_t level;           /* 0: no compression */
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

/* Histograms of durations. */
struct http_options_durations {
    struct goevd_list bounds; /* of int64_t, ns */
    bool routes;
};

/* HTTP/2, RFC 9113. */
struct http_options_http2 {
    bool alpn;
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
    int64_t body_rate; /* bytes per second; 0: no minimum */
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
    int64_t requests_max;                             /* per connection; 0: unlimited */
    int64_t worker_requests_max;                      /* per worker; 0: unlimited */
    const struct http_options_access_log *access_log; /* NULL: not set; the same for the next
                                                       * ones */
    const struct http_options_gzip *gzip;
    int64_t gzip_replies_max; /* per poller */
    const struct http_options_request_id *request_id;
    const struct http_options_forwarded *forwarded;
    const struct http_options_trace *trace;
    const struct http_options_durations *durations;
    const struct http_options_http2 *http2;
};
