#include "http/log/durations.h"

#include <errno.h>
#include <stdlib.h>

#include <goevd/poller.h>

#define DURATIONS_BOUNDS_MAX 64

/* ---- Series ---------------------------------------------------------------------------------- */

static int
http_durations_check(struct goevd_self *self, const struct goevd_list *bounds)
{
    const int64_t *ns = bounds->items;

    for (size_t i = 1; i < bounds->count; i++)
        if (ns[i] <= ns[i - 1])
            return goevd_refuse(self, "durations.bounds",
                                "bound %zu is not greater than the one before it; list them from "
                                "the smallest to the largest",
                                i + 1);
    return 0;
}

static int
http_durations_add_routes(struct http_durations *d, const struct goevd_metric *whole,
                          char *const *routes, size_t count)
{
    struct goevd_metric about = *whole;
    int r = 0;

    about.name = "goevd_http_route_duration_seconds";
    about.help = "Durations of requests by route, as goevd_http_request_duration_seconds.";
    about.labels[0] = "route";
    about.configured_labels = 1;
    d->routes = calloc(count, sizeof(*d->routes));
    if (!d->routes)
        return -ENOMEM;
    for (size_t i = 0; r >= 0 && i < count; i++) {
        const char *const value = routes[i];

        r = d->routes[i] = goevd_metric_new(d->self, &about, &value);
    }
    return r;
}

int
http_durations_init(struct http_durations *d, struct goevd_self *self,
                    const struct http_options_durations *o, char *const *routes, size_t count)
{
    uint64_t bounds[DURATIONS_BOUNDS_MAX];
    struct goevd_metric about = {
        .name = "goevd_http_request_duration_seconds",
        .help = "Time from the head of a request to the end of its reply.",
        .type = GOEVD_METRIC_HISTOGRAM,
        .unit = GOEVD_METRIC_NANOSECONDS,
        .bounds = bounds,
    };
    const int64_t *ns = o ? o->bounds.items : NULL;
    int r;

    *d = (struct http_durations){.self = self};
    if (!o)
        return 0;
    for (; about.bound_count < o->bounds.count; about.bound_count++)
        bounds[about.bound_count] = (uint64_t)ns[about.bound_count];
    r = http_durations_check(self, &o->bounds);
    if (r >= 0)
        r = d->whole = goevd_metric_new(self, &about, NULL);
    if (r >= 0 && o->routes)
        r = http_durations_add_routes(d, &about, routes, count);
    about.name = "goevd_http_first_byte_seconds";
    about.help = "Time from the head of a request to the head of its reply.";
    if (r >= 0)
        r = d->first_byte = goevd_metric_new(self, &about, NULL);
    return MIN(r, 0);
}

void
http_durations_fini(struct http_durations *d)
{
    free(d->routes);
    d->routes = NULL;
}

/* ---- Counting -------------------------------------------------------------------------------- */

static void
http_durations_observe(const struct http_durations_local *local, int number, uint64_t ns,
                       unsigned times)
{
    goevd_metric_observe(local->of->self, local->poller, number, ns, times);
}

void
http_durations_count(const struct http_durations_local *local, unsigned requests)
{
    uint64_t begun_ns = goevd_poller_clock(local->poller), ns = goevd_now() - begun_ns;

    http_durations_observe(local, local->of->whole, ns, requests);
    http_durations_observe(local, local->of->first_byte, ns, requests);
}

void
http_durations_count_route(const struct http_durations_local *local, size_t route)
{
    uint64_t begun_ns = goevd_poller_clock(local->poller);

    http_durations_observe(local, local->of->routes[route], goevd_now() - begun_ns, 1);
}

void
http_durations_first_byte(const struct http_durations_local *local, uint64_t begun_ns)
{
    http_durations_observe(local, local->of->first_byte, goevd_now() - begun_ns, 1);
}

void
http_durations_whole(const struct http_durations_local *local, uint64_t begun_ns, size_t route)
{
    uint64_t ns = goevd_now() - begun_ns;

    http_durations_observe(local, local->of->whole, ns, 1);
    if (local->of->routes)
        http_durations_observe(local, local->of->routes[route], ns, 1);
}
