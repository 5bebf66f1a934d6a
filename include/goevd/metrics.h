/* goevd/metrics.h - counters, gauges and histograms.
 *
 * SPDX-License-Identifier: MIT
 *
 * Every metric has one name everywhere: in the text that Prometheus reads, on the status page, in
 * `goevd ctl stats` and in the manual. Names follow Prometheus: goevd_PLUGIN_WHAT_UNIT, and _total
 * at the end of a counter. Counters and histograms survive the worker: the supervisor adds those of
 * a worker that has ended to its own, so that they never fall.
 */
#ifndef GOEVD_METRICS_H
#define GOEVD_METRICS_H

#include <goevd/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

enum goevd_metric_type {
    GOEVD_METRIC_COUNTER = 1, /* only grows; its name ends in _total */
    GOEVD_METRIC_GAUGE,       /* the present value; may be negative */
    GOEVD_METRIC_HISTOGRAM    /* how many values lie at or below each of some bounds */
};

/* What a metric counts. The value is kept in the unit of the third column and exported in the one
 * that the name has to end with (before _total). */
enum goevd_metric_unit {
    GOEVD_METRIC_NUMBER = 0, /* things; no ending */
    GOEVD_METRIC_BYTES,      /* bytes; _bytes */
    GOEVD_METRIC_NANOSECONDS /* nanoseconds; _seconds */
};

enum goevd_metrics_format {
    GOEVD_METRICS_TEXT = 0,   /* text/plain; version=0.0.4; charset=utf-8 */
    GOEVD_METRICS_OPENMETRICS, /* application/openmetrics-text; version=1.0.0; charset=utf-8 */
    GOEVD_METRICS_OVERVIEW     /* what happens now, as lines for the handler status alone */
};

#define GOEVD_METRIC_LABELS_MAX 4

struct goevd_metric {
    const char *name; /* a-z, 0-9 and _, begins with goevd_, at most 128 bytes */
    const char *help; /* one line, 1 to 256 bytes of printable ASCII without backslash */
    enum goevd_metric_type type;
    enum goevd_metric_unit unit;

    /* Names of labels, a-z and _, NULL after the last; the values come with each series. */
    const char *labels[GOEVD_METRIC_LABELS_MAX + 1];

    /* The first so many labels name something of the configuration, such as a route. A reload may
     * take such a thing away; the counts of its series then go to the series that has "other" in
     * place of these values. */
    unsigned configured_labels;

    /* Of a histogram: upper bounds in the unit in which values are kept, growing. Copied. */
    const uint64_t *bounds;
    unsigned bound_count; /* 1 to 64 */
};

/* The functions below, in the table that goevd_host->metrics points to. */
struct goevd_host_metrics {
    struct goevd_version version;

    int (*metric_new)(struct goevd_self *self, const struct goevd_metric *about,
                      const char *const *values);
    void (*metric_add)(struct goevd_self *self, struct goevd_poller *poller, int number,
                       int64_t delta);
    void (*metric_set)(struct goevd_self *self, struct goevd_poller *poller, int number,
                       int64_t value);
    void (*metric_observe)(struct goevd_self *self, struct goevd_poller *poller, int number,
                           uint64_t value, uint64_t times);
    int (*metrics_text)(struct goevd_self *self, enum goevd_metrics_format format, char **ret_text,
                        size_t *ret_len);
    uint64_t *(*metric_share)(struct goevd_self *self, struct goevd_poller *poller, int number);
};

/* Add a series of a metric: the metric itself, for one value of each of its labels.
 *
 * about    Copied. Every series of a name has to be added with the same contents.
 * values   One for each label, UTF-8, at most 256 bytes; control characters become '?'. NULL where
 *          the metric has no labels. Copied.
 * Thread   [main] in create.
 * Returns  its number, above 0, for the functions below; -EINVAL for a wrong text, type or bound,
 *          or if the name is known with other contents; -EEXIST if these values are known; -ENOSPC
 *          if the worker has too many series (16384) or no room for their values; -ENOMEM.
 */
static inline int
goevd_metric_new(struct goevd_self *self, const struct goevd_metric *about,
                 const char *const *values)
{
    return goevd_host->metrics->metric_new(self, about, values);
}

/* Add to a counter or gauge. Each poller has its own share, in its own cache lines, and the
 * exported value is their sum. The cost is one addition.
 *
 * number   of goevd_metric_new().
 * delta    negative for gauges only.
 * Thread   [poller]
 */
static inline void
goevd_metric_add(struct goevd_self *self, struct goevd_poller *poller, int number, int64_t delta)
{
    goevd_host->metrics->metric_add(self, poller, number, delta);
}

/* The share of a poller in a counter or gauge, for what is counted so often that a call would cost
 * too much. Counters and gauges that were added one right after the other have neighbouring shares.
 *
 * number   of goevd_metric_new(), but of no histogram.
 * Thread   [poller]
 * Returns  where it lies, until the instance is destroyed; never NULL. Other threads read it at any
 *          time: change it by goevd_metric_count() alone.
 */
static inline uint64_t *
goevd_metric_share(struct goevd_self *self, struct goevd_poller *poller, int number)
{
    return goevd_host->metrics->metric_share(self, poller, number);
}

/* Add to a share.
 *
 * share    of goevd_metric_share().
 * Thread   [poller] the one whose share it is.
 */
static inline void
goevd_metric_count(uint64_t *share, uint64_t n)
{
    __atomic_store_n(share, __atomic_load_n(share, __ATOMIC_RELAXED) + n, __ATOMIC_RELAXED);
}

/* Set this poller's share of a gauge.
 *
 * number   of goevd_metric_new().
 * Thread   [poller]
 */
static inline void
goevd_metric_set(struct goevd_self *self, struct goevd_poller *poller, int number, int64_t value)
{
    goevd_host->metrics->metric_set(self, poller, number, value);
}

/* Count a value in a histogram, such as a time or a size.
 *
 * number   of goevd_metric_new().
 * value    in the unit of the bounds.
 * times    how often it was seen; 0 does nothing.
 * Thread   [poller]
 */
static inline void
goevd_metric_observe(struct goevd_self *self, struct goevd_poller *poller, int number,
                     uint64_t value, uint64_t times)
{
    goevd_host->metrics->metric_observe(self, poller, number, value, times);
}

/* All metrics of goevd and its plugins, as text: those of every worker, and of the workers that
 * have ended. Gauges are brought up to date first, so it waits until each poller has answered.
 *
 * ret_text  set on success alone; the caller frees it.
 * Thread    [any] but it waits, so on a poller it returns -EDEADLK: call it in a job.
 * Returns   0; -EDEADLK; -ENOMEM; -EAGAIN if workers come and go too fast; -ECANCELED in a check.
 */
static inline int
goevd_metrics_text(struct goevd_self *self, enum goevd_metrics_format format, char **ret_text,
                   size_t *ret_len)
{
    return goevd_host->metrics->metrics_text(self, format, ret_text, ret_len);
}

#ifdef __cplusplus
}
#endif

#endif
