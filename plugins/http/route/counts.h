/* Requests, counted by route and status class: which series each reply counts in.
 *
 * The series of a route are neighbours, so that a poller has one array of all of them and a reply
 * adds to one element. Routes beyond a limit share the series of the route "other". */
#pragma once

#include <stdatomic.h>

#include <goevd/metrics.h>
#include <goevd/plugin.h>

#include "http/message/util.h"

/* By status / 100; 0: the client was gone before a reply. */
#define HTTP_COUNTS_CLASSES 6

/* Series that are always there: replies that belong to no route, and other routes. */
enum { HTTP_COUNTS_NO_ROUTE = 0, HTTP_COUNTS_OTHER_ROUTE = HTTP_COUNTS_CLASSES };

/* Routes with series of their own. */
#define HTTP_COUNTS_ROUTES_MAX 1000

struct http_counts {
    struct goevd_self *self;
    int *numbers; /* of the metrics, in the order of the array */
    size_t count;
    size_t room;
    char **routes; /* the label of each, in the order of their series */
    size_t route_count;
    int methods;     /* the first of the series of methods, which are neighbours */
    size_t left_out; /* routes without series of their own */
    int left_out_number;
    atomic_flag left_out_is_set;
};

/* 0; -ENOMEM, -ENOSPC. http_counts_fini() is due in any case. */
int http_counts_init(struct http_counts *counts, struct goevd_self *self);
void http_counts_fini(struct http_counts *counts);

/* The place of a route's series, for its status class to be added to. `host` is NULL for routes of
 * no host. -ENOMEM. */
int http_counts_route(struct http_counts *counts, const char *host, struct goevd_str path);

/* The array of a poller, and that of its methods by enum http_method. 0; -EINVAL if series are no
 * neighbours. */
int http_counts_start(struct http_counts *counts, struct goevd_poller *poller,
                      uint64_t **ret_routes, uint64_t **ret_methods);
