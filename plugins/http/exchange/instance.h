/* What one instance of the plugin owns: together, and on each poller. */
#pragma once

#include <stdatomic.h>

#include <goevd/plugin.h>
#include <goevd/worker.h>

#include "http/log/request_info.h"
#include "http/options.h"
#include "http/route/routes.h"

struct http_exchange;
struct http_exchange_slot;
struct http_gzip;
struct http_h1_local;
struct http_h2_local;

/* Numbers of metrics. */
struct http_metrics {
    int handler_errors;
};

struct http {
    struct goevd_self *self;
    const struct http_options *options;
    struct http_limits limits;
    unsigned pipeline_max;
    struct http_metrics metrics;
    _Atomic uint64_t worker_requests; /* so far, where they are limited */
    struct http_log log;
    struct http_routes routes;
};

/* Only its poller touches it. */
struct http_local {
    struct http *http;
    struct http_h1_local *h1; /* that wire's own */
    struct http_h2_local *h2; /* likewise; NULL without HTTP/2 */
    struct goevd_poller *poller;
    struct goevd_place *place;
    struct http_log_local log;
    struct http_gzip *gzip; /* NULL: nothing is compressed */
    size_t link_size;       /* the most that a wire needs of an exchange */
    struct http_exchange *free;
    size_t free_count;
    struct http_exchange *deferred; /* what was done to them is to be seen to, when `kick` is due */
    struct goevd_timer *kick;
    struct http_exchange_slot *slots; /* all, by number */
    size_t slot_count;
    uint64_t complained_ns; /* when an error of a handler was last logged */
};

/* A request has been answered, or will be. With the last one of a worker, and again after as many,
 * because what is asked may fail. */
static inline void
http_count_request(struct http *http)
{
    uint64_t max = (uint64_t)http->options->worker_requests_max;

    if (max == 0)
        return;
    if ((atomic_fetch_add_explicit(&http->worker_requests, 1, memory_order_relaxed) + 1) % max == 0)
        goevd_worker_replace(http->self, "worker_requests_max is reached");
}
