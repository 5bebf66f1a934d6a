#include "http/schema.h"

#include <goevd/http.h>
#include <goevd/logfile.h>

#include "http/message/text/chars.h"
#include "http/message/util.h"
#include "http/route/match/virtual_hosts.h"

static const struct goevd_option respond_options[] = {
    {GOEVD_OPTION(struct http_options_respond, status, "status", INT), .def = "200", .min = 200,
     .max = 599, .help = "Status code of the reply."},
    {GOEVD_OPTION(struct http_options_respond, headers, "headers", MAP), .max = 100,
     .help = "Headers of the reply; the default Content-Type is text/plain in UTF-8."},
    {GOEVD_OPTION(struct http_options_respond, body, "body", STRING), .max = 1 << 20,
     .help = "Content of the reply."},
    {.type = GOEVD_OPTION_END},
};

static const struct goevd_schema respond_schema =
    GOEVD_SCHEMA(struct http_options_respond, respond_options);

static const char *const redirect_choices[] = {"301", "302", "303", "307", "308", NULL};

/* 307 by default: it keeps the method, and no browser caches it for ever if it was a mistake */
static const struct goevd_option redirect_options[] = {
    {GOEVD_OPTION(struct http_options_redirect, to, "to", STRING), .flags = GOEVD_OPTION_REQUIRED,
     .min = 1, .max = 8192,
     .help = "Destination: a URL, or a path on this server; {name}, {*} and {?} are filled in."},
    {GOEVD_OPTION(struct http_options_redirect, status, "status", ENUM), .def = "307",
     .choices = redirect_choices, .help = "Status code; 301 and 308 are permanent."},
    {.type = GOEVD_OPTION_END},
};

static const struct goevd_schema redirect_schema =
    GOEVD_SCHEMA(struct http_options_redirect, redirect_options);

/* In the order of enum http_method. */
static const char *const method_choices[] = {"GET",    "HEAD",  "POST",    "PUT",
                                             "DELETE", "PATCH", "OPTIONS", NULL};

static const struct goevd_option method_options[] = {
    {.name = NULL, .type = GOEVD_OPTION_ENUM, .choices = method_choices, .help = "a method"},
    {.type = GOEVD_OPTION_END},
};

static const struct goevd_schema method_schema = GOEVD_SCHEMA(int, method_options);

static const struct goevd_option handler_options[] = {
    {.name = NULL, .type = GOEVD_OPTION_PLUGIN, .interface_id = GOEVD_HTTP, .help = "a handler"},
    {.type = GOEVD_OPTION_END},
};

static const struct goevd_schema handler_schema =
    GOEVD_SCHEMA(struct goevd_plugin *, handler_options);

static const struct goevd_option header_options[] = {
    {.name = NULL, .type = GOEVD_OPTION_STRING, .min = 1, .max = 256, .help = "a header"},
    {.type = GOEVD_OPTION_END},
};

static const struct goevd_schema header_schema = GOEVD_SCHEMA(struct goevd_str, header_options);

static const struct goevd_option headers_options[] = {
    {GOEVD_OPTION(struct http_options_headers, remove, "remove", LIST), .max = 100,
     .item = &header_schema, .help = "Headers to remove."},
    {GOEVD_OPTION(struct http_options_headers, set, "set", MAP), .max = 100,
     .help = "Headers that replace others of their names."},
    {GOEVD_OPTION(struct http_options_headers, add, "add", MAP), .max = 100,
     .help = "Headers that are added to others of their names."},
    {GOEVD_OPTION(struct http_options_headers, always, "always", BOOL), .def = "false",
     .help = "Also on replies without a route, such as 404 and 400; not in a route."},
    {.type = GOEVD_OPTION_END},
};

static const struct goevd_schema headers_schema =
    GOEVD_SCHEMA(struct http_options_headers, headers_options);

static const struct goevd_option type_options[] = {
    {.name = NULL, .type = GOEVD_OPTION_STRING, .min = 1, .max = 128, .help = "a type"},
    {.type = GOEVD_OPTION_END},
};

static const struct goevd_schema type_schema = GOEVD_SCHEMA(struct goevd_str, type_options);

static const struct goevd_option gzip_options[] = {
    {GOEVD_OPTION(struct http_options_gzip, length_min, "length_min", SIZE), .def = "1KiB",
     .min = 1, .max = 1 << 30, .help = "Known length below which content is not compressed."},
    {GOEVD_OPTION(struct http_options_gzip, types, "types", LIST),
     .def = "[text/*, application/json, application/javascript, application/xml, image/svg+xml]",
     .max = 100, .item = &type_schema,
     .help = "Content-Types that are compressed; text/* is all of text."},
    {GOEVD_OPTION(struct http_options_gzip, level, "level", INT), .def = "5", .min = 0, .max = 9,
     .help = "From 1, the fastest, to 9, the smallest; 0 disables compression."},
    {.type = GOEVD_OPTION_END},
};

static const struct goevd_schema gzip_schema = GOEVD_SCHEMA(struct http_options_gzip, gzip_options);

static const struct goevd_option route_options[] = {
    {GOEVD_OPTION(struct http_options_route, path, "path", STRING), .flags = GOEVD_OPTION_REQUIRED,
     .min = 1, .max = 4096,
     .help = "The path; {name} matches any segment, and \"/*\" at the end any rest."},
    {GOEVD_OPTION(struct http_options_route, methods, "methods", LIST), .min = 1, .max = 7,
     .item = &method_schema,
     .help = "Methods that are answered; default: GET and HEAD, or all for a handler."},
    {GOEVD_OPTION(struct http_options_route, respond, "respond", RECORD),
     .flags = GOEVD_OPTION_REQUIRED, .one_of = 1, .item = &respond_schema,
     .help = "A fixed reply."},
    {GOEVD_OPTION(struct http_options_route, redirect, "redirect", RECORD),
     .flags = GOEVD_OPTION_REQUIRED, .one_of = 1, .item = &redirect_schema, .help = "A redirect."},
    {GOEVD_OPTION(struct http_options_route, handler, "handler", LIST),
     .flags = GOEVD_OPTION_REQUIRED, .one_of = 1, .min = 1, .max = HTTP_OPTIONS_HANDLERS_MAX,
     .item = &handler_schema,
     .help = "The plugin that answers; with several, each decides whether the next one is called."},
    {GOEVD_OPTION(struct http_options_route, headers, "headers", RECORD), .item = &headers_schema,
     .help = "Edits of the route's reply headers, after all others."},
    {GOEVD_OPTION(struct http_options_route, gzip, "gzip", RECORD), .item = &gzip_schema,
     .help = "Compression of its handlers' content, instead of the general one."},
    {.type = GOEVD_OPTION_END},
};

static const struct goevd_schema route_schema =
    GOEVD_SCHEMA(struct http_options_route, route_options);

static const struct goevd_option name_options[] = {
    {.name = NULL,
     .type = GOEVD_OPTION_STRING,
     .min = 1,
     .max = HTTP_VIRTUAL_HOSTS_NAME_MAX,
     .help = "a name"},
    {.type = GOEVD_OPTION_END},
};

static const struct goevd_schema name_schema = GOEVD_SCHEMA(struct goevd_str, name_options);

static const struct goevd_option host_options[] = {
    {GOEVD_OPTION(struct http_options_host, names, "names", LIST), .flags = GOEVD_OPTION_REQUIRED,
     .min = 1, .max = 256, .item = &name_schema,
     .help = "Names of the host; *.example.org stands for all names below example.org."},
    {GOEVD_OPTION(struct http_options_host, routes, "routes", LIST), .max = 4096,
     .item = &route_schema, .help = "Paths and their replies, as in routes."},
    {GOEVD_OPTION(struct http_options_host, headers, "headers", RECORD), .item = &headers_schema,
     .help = "Edits of its routes' reply headers."},
    {GOEVD_OPTION(struct http_options_host, gzip, "gzip", RECORD), .item = &gzip_schema,
     .help = "Compression of its handlers' content, instead of the general one."},
    {.type = GOEVD_OPTION_END},
};

static const struct goevd_schema host_schema = GOEVD_SCHEMA(struct http_options_host, host_options);

static const struct goevd_option status_options[] = {
    {.name = NULL,
     .type = GOEVD_OPTION_STRING,
     .min = 3,
     .max = 3,
     .help = "a status, or 4xx, 5xx"},
    {.type = GOEVD_OPTION_END},
};

static const struct goevd_schema status_schema = GOEVD_SCHEMA(struct goevd_str, status_options);

static const struct goevd_option page_options[] = {
    {GOEVD_OPTION(struct http_options_page, status, "status", LIST), .flags = GOEVD_OPTION_REQUIRED,
     .min = 1, .max = 200, .item = &status_schema,
     .help = "Statuses that have this page; 4xx and 5xx are all that have no other."},
    {GOEVD_OPTION(struct http_options_page, file, "file", STRING), .one_of = 1,
     .flags = GOEVD_OPTION_REQUIRED | GOEVD_OPTION_PATH, .min = 1, .max = 4095,
     .help = "File with the content, read when goevd starts or reloads."},
    {GOEVD_OPTION(struct http_options_page, body, "body", STRING), .one_of = 1,
     .flags = GOEVD_OPTION_REQUIRED, .max = 1 << 20, .help = "The content itself."},
    {GOEVD_OPTION(struct http_options_page, type, "type", STRING),
     .def = "text/html; charset=utf-8", .max = 256, .help = "Its Content-Type."},
    {.type = GOEVD_OPTION_END},
};

static const struct goevd_schema page_schema = GOEVD_SCHEMA(struct http_options_page, page_options);

/* In the order of enum http_options_access_format. */
static const char *const access_choices[] = {"combined", "json", NULL};

static const struct goevd_option access_options[] = {
    {GOEVD_OPTION(struct http_options_access_log, target, "target", STRING),
     .flags = GOEVD_OPTION_REQUIRED | GOEVD_OPTION_PATH, .min = 1, .max = 4095,
     .help = "File to append to."},
    {GOEVD_OPTION(struct http_options_access_log, format, "format", ENUM), .def = "combined",
     .choices = access_choices, .help = "Format of a line."},
    {GOEVD_OPTION(struct http_options_access_log, buffer, "buffer", SIZE), .def = "1MiB",
     .min = GOEVD_LOGFILE_BUFFER_MIN, .max = 1 << 30,
     .help = "Bytes of lines that may wait on each poller; further lines are dropped."},
    {.type = GOEVD_OPTION_END},
};

static const struct goevd_schema access_schema =
    GOEVD_SCHEMA(struct http_options_access_log, access_options);

static const struct goevd_option cidr_options[] = {
    {.name = NULL, .type = GOEVD_OPTION_STRING, .min = 1, .max = 64, .help = "a network"},
    {.type = GOEVD_OPTION_END},
};

static const struct goevd_schema cidr_schema = GOEVD_SCHEMA(struct goevd_str, cidr_options);

static const struct goevd_option id_options[] = {
    {GOEVD_OPTION(struct http_options_request_id, header, "header", STRING), .def = "X-Request-Id",
     .min = 1, .max = 64, .help = "Header with the id, in requests and replies."},
    {GOEVD_OPTION(struct http_options_request_id, from, "from", LIST), .max = 256,
     .item = &cidr_schema, .help = "Networks whose ids are kept; all other requests get a new id."},
    {.type = GOEVD_OPTION_END},
};

static const struct goevd_schema id_schema =
    GOEVD_SCHEMA(struct http_options_request_id, id_options);

/* In the order of enum http_forwarded_header. */
static const char *const forwarded_choices[] = {"X-Forwarded-For", "Forwarded", NULL};

static const struct goevd_option forwarded_options[] = {
    {GOEVD_OPTION(struct http_options_forwarded, header, "header", ENUM), .def = "X-Forwarded-For",
     .choices = forwarded_choices, .help = "The header that is read."},
    {GOEVD_OPTION(struct http_options_forwarded, from, "from", LIST),
     .flags = GOEVD_OPTION_REQUIRED, .min = 1, .max = 256, .item = &cidr_schema,
     .help = "Networks of the proxies."},
    {.type = GOEVD_OPTION_END},
};

static const struct goevd_schema forwarded_schema =
    GOEVD_SCHEMA(struct http_options_forwarded, forwarded_options);

static const struct goevd_option trace_options[] = {
    {GOEVD_OPTION(struct http_options_trace, from, "from", LIST), .max = 256, .item = &cidr_schema,
     .help = "Networks whose traces are continued; all other requests begin a new trace."},
    {GOEVD_OPTION(struct http_options_trace, sampled, "sampled", BOOL), .def = "false",
     .help = "Whether new traces ask the servers behind goevd to record them."},
    {.type = GOEVD_OPTION_END},
};

static const struct goevd_schema trace_schema =
    GOEVD_SCHEMA(struct http_options_trace, trace_options);

static const struct goevd_option bound_options[] = {
    {.name = NULL,
     .type = GOEVD_OPTION_DURATION,
     .min = 1000,
     .max = INT64_C(3600000000000),
     .help = "a duration"},
    {.type = GOEVD_OPTION_END},
};

static const struct goevd_schema bound_schema = GOEVD_SCHEMA(int64_t, bound_options);

static const struct goevd_option durations_options[] = {
    {GOEVD_OPTION(struct http_options_durations, bounds, "bounds", LIST),
     .def = "[500us, 1ms, 2500us, 5ms, 10ms, 25ms, 50ms, 100ms, 250ms, 500ms, 1s, 2500ms, 5s, 10s, "
            "30s, 60s]",
     .min = 1, .max = 64, .item = &bound_schema,
     .help = "Durations at or below which requests are counted, from the smallest."},
    {GOEVD_OPTION(struct http_options_durations, routes, "routes", BOOL), .def = "false",
     .help = "Whether each route has a histogram of its own."},
    {.type = GOEVD_OPTION_END},
};

static const struct goevd_schema durations_schema =
    GOEVD_SCHEMA(struct http_options_durations, durations_options);

static const struct goevd_option http2_options[] = {
    {GOEVD_OPTION(struct http_options_http2, alpn, "alpn", BOOL), .def = "true",
     .help = "Whether TLS clients are offered HTTP/2."},
    {GOEVD_OPTION(struct http_options_http2, cleartext, "cleartext", BOOL), .def = "false",
     .help = "Whether clients may use HTTP/2 without TLS (prior knowledge)."},
    {GOEVD_OPTION(struct http_options_http2, streams_max, "streams_max", INT), .def = "100",
     .min = 1, .max = 65535, .help = "Requests of one connection at the same time."},
    {GOEVD_OPTION(struct http_options_http2, stream_window, "stream_window", SIZE), .def = "64KiB",
     .min = 1024, .max = 16 << 20,
     .help = "Content of one request that a client may send before the handler takes it."},
    {GOEVD_OPTION(struct http_options_http2, connection_window, "connection_window", SIZE),
     .def = "1MiB", .min = 65536, .max = 256 << 20,
     .help = "Content of all requests of a connection that a client may send at once."},
    {GOEVD_OPTION(struct http_options_http2, resets_max, "resets_max", INT), .def = "200", .min = 1,
     .max = 1000000,
     .help = "Requests of a connection that may end early. Each that ends well makes room for one "
             "more; "
             "beyond the limit the connection ends."},
    {GOEVD_OPTION(struct http_options_http2, glitches_max, "glitches_max", INT), .def = "2000",
     .min = 10, .max = 1000000,
     .help = "Frames without use, less those that requests and content pay for; one more ends the "
             "connection."},
    {GOEVD_OPTION(struct http_options_http2, stall_timeout_ns, "stall_timeout", DURATION),
     .def = "30s", .min = 1000000000, .max = INT64_C(3600000000000),
     .help = "Maximum time in which a client takes none of a reply that waits; then the stream is "
             "reset."},
    {.type = GOEVD_OPTION_END},
};

static const struct goevd_schema http2_schema =
    GOEVD_SCHEMA(struct http_options_http2, http2_options);

static const struct goevd_option http_options[] = {
    {GOEVD_OPTION(struct http_options, server, "server", STRING), .def = "goevd", .max = 256,
     .help = "Value of the Server header; \"\" sends none."},
    {GOEVD_OPTION(struct http_options, header_timeout_ns, "header_timeout", DURATION), .def = "10s",
     .min = 1000000, .max = INT64_C(3600000000000),
     .help = "Maximum time for request line and headers, from their first byte."},
    {GOEVD_OPTION(struct http_options, body_timeout_ns, "body_timeout", DURATION), .def = "30s",
     .min = 1000000, .max = INT64_C(86400000000000),
     .help = "Maximum time for a body, from the end of the headers."},
    {GOEVD_OPTION(struct http_options, stop_grace_ns, "stop_grace", DURATION), .def = "1s",
     .min = 1000000, .max = INT64_C(3600000000000),
     .help =
         "Time in which an idle connection may still send a request when goevd stops or reloads."},
    {GOEVD_OPTION(struct http_options, body_rate, "body_rate", RATE), .def = "1KiB/s", .min = 0,
     .max = INT64_C(1) << 40,
     .help = "Minimum upload rate: each body_rate bytes extend body_timeout by one second; 0: no "
             "extension."},
    {GOEVD_OPTION(struct http_options, body_max, "body_max", SIZE), .def = "16MiB", .min = 0,
     .max = INT64_C(1) << 40, .help = "Length of a body for a handler."},
    {GOEVD_OPTION(struct http_options, request_line_max, "request_line_max", SIZE), .def = "8KiB",
     .min = 64, .max = 65000, .help = "Length of the request line."},
    {GOEVD_OPTION(struct http_options, header_bytes_max, "header_bytes_max", SIZE), .def = "16KiB",
     .min = 64, .max = 1 << 20, .help = "Length of all header lines together."},
    {GOEVD_OPTION(struct http_options, headers_max, "headers_max", INT), .def = "100", .min = 1,
     .max = 10000, .help = "Number of header lines."},
    {GOEVD_OPTION(struct http_options, body_discard_max, "body_discard_max", SIZE), .def = "1MiB",
     .min = 0, .max = 1 << 30,
     .help = "Length up to which an unwanted body is read and discarded."},
    {GOEVD_OPTION(struct http_options, pipeline_max, "pipeline_max", INT), .def = "256", .min = 1,
     .max = 65536,
     .help = "Pipelined requests answered in a row, before other connections have their turn."},
    {GOEVD_OPTION(struct http_options, requests_max, "requests_max", INT), .def = "0", .min = 0,
     .max = UINT32_MAX, .help = "Requests of one connection; 0: no limit."},
    {GOEVD_OPTION(struct http_options, worker_requests_max, "worker_requests_max", INT), .def = "0",
     .min = 0, .max = INT64_C(1) << 40,
     .help = "Requests after which another worker replaces this one, as in a reload; 0: no limit."},
    {GOEVD_OPTION(struct http_options, routes, "routes", LIST), .max = 4096, .item = &route_schema,
     .help = "Paths and their replies; the longest matching path applies."},
    {GOEVD_OPTION(struct http_options, hosts, "hosts", LIST), .max = 1024, .item = &host_schema,
     .help = "Virtual hosts with their own routes; routes is for all others."},
    {GOEVD_OPTION(struct http_options, headers, "headers", RECORD), .item = &headers_schema,
     .help = "Edits of the reply headers of all routes, before all others."},
    {GOEVD_OPTION(struct http_options, error_pages, "error_pages", LIST), .max = 200,
     .item = &page_schema, .help = "Content of error replies that would have none, by status."},
    {GOEVD_OPTION(struct http_options, error_page_max, "error_page_max", SIZE), .def = "64KiB",
     .min = 0, .max = 1 << 24, .help = "Length of a file of error_pages."},
    {GOEVD_OPTION(struct http_options, access_log, "access_log", RECORD), .item = &access_schema,
     .help = "One line for each request."},
    {GOEVD_OPTION(struct http_options, gzip, "gzip", RECORD), .item = &gzip_schema,
     .help = "Compression of handlers' content, for clients that accept it."},
    {GOEVD_OPTION(struct http_options, gzip_replies_max, "gzip_replies_max", INT), .def = "64",
     .min = 1, .max = 65536,
     .help = "Replies that one poller compresses at the same time; further ones are sent "
             "uncompressed."},
    {GOEVD_OPTION(struct http_options, request_id, "request_id", RECORD), .item = &id_schema,
     .help = "An id for each request."},
    {GOEVD_OPTION(struct http_options, forwarded, "forwarded", RECORD), .item = &forwarded_schema,
     .help = "Take the client's address from a header of listed proxies."},
    {GOEVD_OPTION(struct http_options, trace, "trace", RECORD), .item = &trace_schema,
     .help = "A trace for each request, in the header traceparent (W3C Trace Context)."},
    {GOEVD_OPTION(struct http_options, durations, "durations", RECORD), .item = &durations_schema,
     .help = "Metrics of how long requests take."},
    {GOEVD_OPTION(struct http_options, http2, "http2", RECORD), .def = "{}", .item = &http2_schema,
     .help = "HTTP/2 and its limits."},
    {.type = GOEVD_OPTION_END},
};

const struct goevd_schema http_options_schema = GOEVD_SCHEMA(struct http_options, http_options);

int
http_options_check(struct goevd_self *self, const struct http_options *o)
{
    if (!http_chars_all(o->server.data, o->server.len, HTTP_CHARS_VALUE))
        return goevd_refuse(self, "server",
                            "the value of the Server header has a line break or "
                            "other control character");
    if (o->server.len != 0 && (!http_chars_is(o->server.data[0], HTTP_CHARS_TOKEN) ||
                               o->server.data[o->server.len - 1] == ' '))
        return goevd_refuse(self, "server",
                            "\"%s\" is no product name of RFC 9110: write name or name/version",
                            o->server.data);
    return 0;
}
