/* goevd/metrics.h - counters, gauges and histograms that goevd ctl stats prints.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef GOEVD_METRICS_H
#define GOEVD_METRICS_H

#include <goevd/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

enum goevd_metric_type {
    GOEVD_METRIC_COUNTER = 1, /* only grows, until the worker ends */
    GOEVD_METRIC_GAUGE,       /* the present value; may be negative */
    GOEVD_METRIC_HISTOGRAM    /* how many values lie between one power of two and the next */
};

/* The functions below, in the table that goevd_host->metrics points to. */
struct goevd_host_metrics {
    struct goevd_version version;

    int (*metric_new)(struct goevd_self *self, const char *name, const char *unit, const char *help,
                      enum goevd_metric_type type);
    void (*metric_add)(struct goevd_self *self, struct goevd_poller *poller, int number,
                       int64_t delta);
    void (*metric_set)(struct goevd_self *self, struct goevd_poller *poller, int number,
                       int64_t value);
    void (*metric_observe)(struct goevd_self *self, struct goevd_poller *poller, int number,
                           uint64_t value);
};

/* Add a metric. `goevd ctl stats` prints it as PLUGIN.NAME; for a plugin with several instances as
 * PLUGIN[0].NAME, PLUGIN[1].NAME and so on, in their order of creation.
 *
 * name     1 to 64 of a-z, 0-9, _ and the dot; unique in this instance; copied.
 * unit     what is counted, as a rule in the plural: 1 to 64 bytes of printable ASCII without quote
 *          and backslash; copied.
 * help     a line that explains it, 1 to 256 bytes of the same; copied.
 * Thread   [main] in create.
 * Returns  its number, above 0, for the functions below; -EINVAL for a wrong text or type; -EEXIST;
 *          -ENOSPC after 256 of this instance; -ENOMEM.
 */
static inline int
goevd_metric_new(struct goevd_self *self, const char *name, const char *unit, const char *help,
                 enum goevd_metric_type type)
{
    return goevd_host->metrics->metric_new(self, name, unit, help, type);
}

/* Add to a counter or gauge. Each poller has its own share, in its own cache lines, and the printed
 * value is their sum. The cost is one addition.
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

/* Count a value in a histogram, such as a time or a size. The histogram keeps the number of its
 * bits, and the sum of all values.
 *
 * number   of goevd_metric_new().
 * Thread   [poller]
 */
static inline void
goevd_metric_observe(struct goevd_self *self, struct goevd_poller *poller, int number,
                     uint64_t value)
{
    goevd_host->metrics->metric_observe(self, poller, number, value);
}

#ifdef __cplusplus
}
#endif

#endif
