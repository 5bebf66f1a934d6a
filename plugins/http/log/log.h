/* State of the request log: of an instance, and on each poller. */
#pragma once

#include <goevd/cidr.h>
#include <goevd/plugin.h>

#include "http/log/access_line.h"
#include "http/log/forwarded.h"
#include "http/log/trace.h"
#include "http/options.h"

/* Metadata of a request that its head does not contain: see request_info.h. */
struct http_request_info {
    uint64_t begun_ns; /* 0: not a request */
    union http_forwarded_address client;
    struct http_trace trace;
    uint8_t id_len; /* 0: no id */
    char id[HTTP_ACCESS_ID_MAX];
};

/* Peers whose headers are trusted. */
struct http_request_info_trust {
    struct goevd_cidr *cidrs;
    size_t count;
};

struct http_log {
    struct goevd_self *self;
    const struct http_options *options;
    struct goevd_logfile *lines; /* file of the access log; NULL: requests are not logged */
    struct http_request_info_trust id_from;
    struct http_request_info_trust forwarded_from;
    struct http_request_info_trust trace_from;
    bool informed; /* an option needs the info of each request */
};

/* Accessed by its poller only. */
struct http_log_local {
    const struct http_log *log;
    struct goevd_poller *poller;
    struct http_access_second second;
    uint64_t id_base[2]; /* the last generated id */
    struct http_trace_random random;
};
