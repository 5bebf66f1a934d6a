/* What one instance of the plugin owns: together, and on each poller. */
#pragma once

#include <stdatomic.h>

#include <goevd/logfile.h>
#include <goevd/plugin.h>

#include "http/h1/head_cache.h"
#include "http/h1/parser.h"
#include "http/h1/prerendered.h"
#include "http/log/access_line.h"
#include "http/log/request_info.h"
#include "http/options.h"
#include "http/route/routes.h"

struct http_access_slot;
struct http_exchange;
struct http_exchange_slot;
struct http_gzip;

/* Numbers of figures. */
struct http_figures {
    int handler_errors;
};

struct http {
    struct goevd_self *self;
    const struct http_options *options;
    struct http_limits limits;
    unsigned pipeline_max;
    struct http_figures figures;
    _Atomic uint64_t worker_requests; /* so far, where they are limited */
    struct goevd_logfile *access;       /* NULL: requests are not logged */
    struct http_request_info_trust id_from;
    struct http_request_info_trust forwarded_from;
    struct http_routes routes;
};

/* Only its poller touches it. */
struct http_local {
    const struct http *http;
    struct http_limits limits; /* its */
    struct goevd_poller *poller;
    struct http_prerendered_set prerendered;
    struct http_head_cache head_cache;
    struct http_gzip *gzip;                     /* NULL: nothing is compressed */
    struct http_request *request;               /* the one being read; valid within one callback */
    char *scratch;                              /* for its path */
    const struct http_site *site;               /* of the Host that it remembers */
    const struct http_handler *const *handlers; /* the first of each chain, by number */
    struct http_exchange *fresh;                /* for the next request that a handler gets */
    size_t reply_guess;                         /* how long its reply will be */
    struct http_exchange *free;                 /* others */
    size_t free_count;
    struct http_exchange *deferred; /* what was done to them is to be seen to, when `kick` is due */
    struct goevd_timer *kick;
    struct http_exchange_slot *slots; /* all, by number */
    size_t slot_count;
    uint64_t complained_ns; /* when an error of a handler was last logged */
    struct http_access_second access_second;
    struct http_request_info info;     /* of the request that is being read */
    _Atomic uint64_t *worker_requests; /* of all pollers */
    uint64_t id_base[2];               /* the last id that was made */
    struct http_access_slot *access_slots;
    unsigned access_slot_count;
    unsigned access_free; /* the first of the free ones, plus 1 */
    uint64_t replies;
    uint64_t refused[HTTP_VERDICT_COUNT]; /* by http_verdict_index() */
};
