#include "http/route/counts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "http/message/request.h"

/* Bytes of a label. */
#define COUNTS_LABEL_MAX 256

static const char *const classes[HTTP_COUNTS_CLASSES] = {"gone", "1xx", "2xx", "3xx", "4xx", "5xx"};

/* ---- Series ---------------------------------------------------------------------------------- */

static int
http_counts_push(struct http_counts *counts, int number)
{
    if (counts->count == counts->room) {
        size_t room = MAX(counts->room * 2, 64);
        int *numbers = reallocarray(counts->numbers, room, sizeof(*numbers));

        if (!numbers)
            return -ENOMEM;
        counts->numbers = numbers;
        counts->room = room;
    }
    counts->numbers[counts->count++] = number;
    return 0;
}

/* One series for each class. 0; -ENOMEM; -ENOSPC, and then there may be some of them. */
static int
http_counts_register(struct http_counts *counts, const char *route)
{
    static const struct goevd_metric requests = {
        .name = "goevd_http_requests_total",
        .help = "Requests by route and by the class of the reply's status.",
        .type = GOEVD_METRIC_COUNTER,
        .labels = {"route", "status"},
        .configured_labels = 1,
    };
    int r = 0;

    for (size_t i = 0; r >= 0 && i < HTTP_COUNTS_CLASSES; i++) {
        const char *const values[] = {route, classes[i]};

        r = goevd_metric_new(counts->self, &requests, values);
        if (r >= 0)
            r = http_counts_push(counts, r);
    }
    return r;
}

/* ---- Routes ---------------------------------------------------------------------------------- */

static int
http_counts_find(const struct http_counts *counts, const char *label)
{
    for (size_t i = 0; i < counts->route_count; i++)
        if (strcmp(counts->routes[i], label) == 0)
            return (int)(i * HTTP_COUNTS_CLASSES);
    return -ENOENT;
}

/* The place of its first series. */
static int
http_counts_add(struct http_counts *counts, const char *label)
{
    size_t at = counts->count;
    char **routes = reallocarray(counts->routes, counts->route_count + 1, sizeof(*routes));
    int r;

    if (!routes)
        return -ENOMEM;
    counts->routes = routes;
    routes[counts->route_count] = strdup(label);
    if (!routes[counts->route_count])
        return -ENOMEM;
    r = http_counts_register(counts, label);
    if (r < 0) {
        free(routes[counts->route_count]);
        return r;
    }
    counts->route_count++;
    return (int)at;
}

int
http_counts_route(struct http_counts *counts, const char *host, struct goevd_str path)
{
    char label[COUNTS_LABEL_MAX + 1];
    int r;

    snprintf(label, sizeof(label), "%s%s", host ? host : "", path.data);
    r = http_counts_find(counts, label);
    if (r >= 0)
        return r;
    r = counts->route_count < HTTP_COUNTS_ROUTES_MAX && counts->left_out == 0
            ? http_counts_add(counts, label)
            : -ENOSPC;
    if (r != -ENOSPC)
        return r;
    counts->left_out++;
    return HTTP_COUNTS_OTHER_ROUTE;
}

/* ---- Methods --------------------------------------------------------------------------------- */

static int
http_counts_register_methods(struct http_counts *counts)
{
    static const struct goevd_metric methods = {
        .name = "goevd_http_requests_by_method_total",
        .help = "Requests with a readable head, by method; unknown methods count as other.",
        .type = GOEVD_METRIC_COUNTER,
        .labels = {"method"},
    };
    int r = 0;

    for (unsigned m = 0; r >= 0 && m <= HTTP_METHOD_COUNT; m++) {
        const char *const value = m == HTTP_METHOD_COUNT ? "other" : http_method_names[m];

        r = goevd_metric_new(counts->self, &methods, &value);
        if (m == 0)
            counts->methods = r;
    }
    return MIN(r, 0);
}

/* ---- All of it ------------------------------------------------------------------------------- */

int
http_counts_init(struct http_counts *counts, struct goevd_self *self)
{
    static const struct goevd_metric left_out = {
        .name = "goevd_http_routes_left_out",
        .help = "Routes without series of their own: their requests count as the route other.",
        .type = GOEVD_METRIC_GAUGE,
    };
    int r;

    *counts = (struct http_counts){.self = self};
    r = goevd_metric_new(self, &left_out, NULL);
    counts->left_out_number = r;
    if (r >= 0)
        r = http_counts_register_methods(counts);
    if (r >= 0)
        r = http_counts_add(counts, "none");
    if (r >= 0)
        r = http_counts_add(counts, "other");
    return MIN(r, 0);
}

void
http_counts_fini(struct http_counts *counts)
{
    for (size_t i = 0; i < counts->route_count; i++)
        free(counts->routes[i]);
    free(counts->routes);
    free(counts->numbers);
    *counts = (struct http_counts){0};
}

int
http_counts_start(struct http_counts *counts, struct goevd_poller *poller, uint64_t **ret_routes,
                  uint64_t **ret_methods)
{
    uint64_t *first = goevd_metric_share(counts->self, poller, counts->numbers[0]);

    for (size_t i = 1; i < counts->count; i++)
        if (goevd_metric_share(counts->self, poller, counts->numbers[i]) != first + i)
            return -EINVAL;
    if (!atomic_flag_test_and_set(&counts->left_out_is_set))
        goevd_metric_set(counts->self, poller, counts->left_out_number, (int64_t)counts->left_out);
    *ret_routes = first;
    *ret_methods = goevd_metric_share(counts->self, poller, counts->methods);
    return 0;
}
