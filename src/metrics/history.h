/* The recent counts of all workers: some numbers of the last ten minutes, and two views whose
 * difference gives the present rates. The status page, `goevd ctl top` and `goevd ctl status` read
 * it.
 *
 * A sample reads memory that pollers write anyway, so pollers do nothing for it. The numbers lie in
 * the counts of this worker, where the worker that replaces it finds them. */
#pragma once

#include <pthread.h>

#include "metrics/reader.h"

#define HISTORY_NS (600 * NS_PER_S)
#define HISTORY_POINTS 600
#define HISTORY_TICK_NS (10 * NS_PER_S) /* between samples without a reader */
#define HISTORY_AGE_NS NS_PER_S         /* older samples are not shown */
#define HISTORY_SHARE 50               /* at most one part in so many of the time is for sampling */
#define HISTORY_BASE_NS (3 * NS_PER_S) /* the least that the two views lie apart, if they can */

#define HISTORY_REQUESTS_FAMILY "goevd_http_requests_total"
#define HISTORY_DURATION_FAMILY "goevd_http_request_duration_seconds"
#define HISTORY_FAILED "5xx" /* label value of requests that count as errors */

/* Totals. */
enum history_total {
    HISTORY_REQUESTS,
    HISTORY_ERRORS,
    HISTORY_ACCEPTED,
    HISTORY_RECEIVED, /* bytes */
    HISTORY_SENT,
    HISTORY_TOTALS
};

struct history_point {
    uint64_t at_ns; /* CLOCK_MONOTONIC */
    uint64_t totals[HISTORY_TOTALS];
    uint64_t open;   /* connections of this worker */
    uint64_t p50_ns; /* of the requests since the point before; 0: there were none */
    uint64_t p99_ns;
};

struct history_ring {
    uint64_t count; /* of all points so far */
    struct history_point points[HISTORY_POINTS];
};

struct history_view {
    uint64_t at_ns; /* 0: none */
    struct view view;
};

struct history {
    pthread_mutex_t lock; /* of all below */
    struct reader *reader;
    struct history_ring *ring;    /* NULL: there was no memory */
    struct history_view views[3]; /* the oldest first */
    uint64_t again_ns;            /* no sample is taken before */
};

/* With memory of the registry's counts, before registry_start(). */
void history_init(struct history *h, struct reader *reader, struct registry *registry);
void history_fini(struct history *h);

/* [not a poller] Take the numbers of the worker that this one replaces, if there is one. */
void history_inherit(struct history *h, uint64_t now_ns);

/* [not a poller] Sample, unless the last sample is young. `open` connections are open. 0; a
 * negative errno of reader_take(), and the last sample stays. */
int history_sample(struct history *h, uint64_t open, uint64_t now_ns);

/* ---- With the lock held ---------------------------------------------------------------------- */

/* The two views. Their distance in seconds; 0: there are no two yet. */
double history_views(const struct history *h, const struct view **ret_before,
                     const struct view **ret_now);

/* How much a series has grown since the earlier view, in which `family` has its name (or is NULL).
 */
void history_growth(const struct view *before, const struct view_family *family,
                    const struct view_series *now, uint64_t ret_cells[CATALOG_BOUNDS_MAX + 2]);

/* The value that so many thousandths do not exceed, interpolated between its bounds. `cells` are
 * those of a histogram. 0 without values. */
uint64_t history_quantile(const struct catalog_family *f, const uint64_t *cells, unsigned permille);

/* The nth point, from 0, of those that are kept, oldest first; NULL after the last. */
const struct history_point *history_point(const struct history *h, uint64_t n);
