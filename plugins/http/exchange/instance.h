/* The state of one instance of the plugin: shared, and on each poller. */
#pragma once

#include <stdatomic.h>

#include <goevd/conn.h>
#include <goevd/plugin.h>
#include <goevd/worker.h>

#include "http/log/durations.h"
#include "http/log/request_info.h"
#include "http/options.h"
#include "http/route/routes.h"

struct http_exchange;
struct http_exchange_slot;
struct http_gzip;
struct http_h1_local;
struct http_h2_local;

/* Ids of the metrics. */
struct http_metrics {
    int handler_errors;
    int open; /* requests that a handler has and has not finished */
};

struct http {
    struct goevd_self *self;
    const struct http_options *options;
    struct http_limits limits;
    unsigned pipeline_max;
    struct http_metrics metrics;
    _Atomic uint64_t worker_requests; /* requests so far, if worker_requests_max is set */
    struct http_log log;
    struct http_durations durations;
    struct http_routes routes;
};

/* Accessed by its poller only. */
struct http_local {
    struct http *http;
    struct http_h1_local *h1; /* state of that wire */
    struct http_h2_local *h2; /* likewise; NULL without HTTP/2 */
    struct goevd_poller *poller;
    struct goevd_place *place;
    uint64_t *counts;  /* this poller's share of the requests by route and class: route/counts.h */
    uint64_t *methods; /* ... and by method */
    struct http_log_local log;
    struct http_durations_local durations;
    struct http_gzip *gzip; /* NULL: no compression */
    size_t link_size;       /* size of the largest link of the wires */
    struct http_exchange *free;
    size_t free_count;
    struct http_exchange *deferred; /* changed exchanges, which `kick` will advance */
    struct goevd_timer *kick;
    struct http_exchange_slot *slots; /* all exchanges, by slot */
    size_t slot_count;
    uint64_t complained_ns; /* time of the last logged error of a handler */
};

/* Whether the client is connected by TLS. */
static inline bool
http_conn_is_secured(struct goevd_conn *c)
{
    return goevd_conn_tls(c, GOEVD_TLS_VERSION).data != NULL;
}

/* Count a request that has been answered or will be. Ask for a new worker after the last request of
 * this one, and again after as many more, because the first attempt may fail. */
static inline void
http_count_request(struct http *http)
{
    uint64_t max = (uint64_t)http->options->worker_requests_max;

    if (max == 0)
        return;
    if ((atomic_fetch_add_explicit(&http->worker_requests, 1, memory_order_relaxed) + 1) % max == 0)
        goevd_worker_replace(http->self, "worker_requests_max is reached");
}
