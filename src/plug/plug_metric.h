/* Metrics of the instances: a plugin registers its own while it is created, and the host's parts
 * register theirs on behalf of an instance. Each poller counts in memory of its own. */
#pragma once

#include <assert.h>

#include <goevd/metrics.h>
#include <goevd/plugin.h>

#include "ev/poller.h"

#define PLUG_METRICS_MAX 256    /* of an instance */
#define PLUG_METRIC_TEXT_MAX 64 /* bytes of a name, and of a unit */
#define PLUG_METRIC_HELP_MAX 256

/* A histogram's cells: the sum, then the buckets. Bucket 0 holds zeroes, bucket k what is from
 * 2^(k-1) to 2^k - 1. */
#define PLUG_METRIC_BUCKETS 65
#define PLUG_METRIC_CELLS_MAX (1 + PLUG_METRIC_BUCKETS)

struct instance;
struct plugins;

struct plug_metric;
typedef uint64_t (*plug_metric_read_fn)(const struct plug_metric *f, struct poller *p);

struct plug_metric {
    struct plug_metric *next;
    struct instance *instance;
    enum goevd_metric_type type;
    unsigned cell;            /* the first of its cells, in those of each poller */
    plug_metric_read_fn read; /* on each poller; NULL: it has cells */
    size_t offset;            /* read's own */
    const char *name;         /* as it is printed */
    const char *unit;
    const char *help;
    char text[]; /* all three */
};

struct plug_metrics {
    struct plug_metric *first, *last;
    unsigned count;
    unsigned cells;          /* of each poller */
    metric *of[POLLERS_MAX]; /* by index of the poller; NULL while none is needed */
};

/* Name and unit of a metric; all copied. */
struct plug_metric_about {
    const char *name; /* without the plugin's */
    const char *unit;
    const char *help;
    enum goevd_metric_type type;
    plug_metric_read_fn read; /* NULL: it is counted by plug_metric_add() and the others */
    size_t offset;
};

/* [main, while instances are created] Returns the number that the functions below want, above 0;
 * -EINVAL, -EEXIST, -ENOSPC, -ENOMEM as goevd_metric_new(). */
int plug_metric_new(struct instance *i, const struct plug_metric_about *about);

/* When all have been created, and before pollers run: 0, or -ENOMEM. */
int plug_metrics_start(struct plugins *p);
void plug_metrics_fini(struct plugins *p);

/* How many values a metric has: 1, or a histogram's cells. */
unsigned plug_metric_values(const struct plug_metric *f);

/* [poller p] Those values; returns where the next metric's go. */
uint64_t *plug_metric_take(const struct plug_metric *f, struct poller *p, uint64_t *ret);

/* The greatest value that a bucket holds. */
uint64_t plug_metric_bucket_max(unsigned bucket);

/* In which bucket the value lies that is not below `permille` of all; 0 if there are none. */
unsigned plug_metric_quantile(const uint64_t *buckets, unsigned permille);

/* ---- [poller] -------------------------------------------------------------------------------- */

/* The number of a metric has the place of its cells and its type. */
#define PLUG_METRIC_TYPE_BITS 2

static inline int
plug_metric_number(const struct plug_metric *f)
{
    return (int)(f->cell << PLUG_METRIC_TYPE_BITS | (unsigned)f->type);
}

static inline metric *
plug_metric_cell(const struct plug_metrics *all, struct poller *p, int number)
{
    unsigned cell = (unsigned)number >> PLUG_METRIC_TYPE_BITS;

    assert(cell < all->cells && p == poller_current);
    return &all->of[p->index][cell];
}

static inline bool
plug_metric_is(int number, enum goevd_metric_type type)
{
    return (number & ((1 << PLUG_METRIC_TYPE_BITS) - 1)) == (int)type;
}

static inline void
plug_metric_add(const struct plug_metrics *all, struct poller *p, int number, int64_t delta)
{
    assert(!plug_metric_is(number, GOEVD_METRIC_HISTOGRAM));
    metric_add(plug_metric_cell(all, p, number), (uint64_t)delta);
}

static inline void
plug_metric_set(const struct plug_metrics *all, struct poller *p, int number, int64_t value)
{
    assert(plug_metric_is(number, GOEVD_METRIC_GAUGE));
    metric_set(plug_metric_cell(all, p, number), (uint64_t)value);
}

static inline void
plug_metric_observe(const struct plug_metrics *all, struct poller *p, int number, uint64_t value)
{
    metric *cells = plug_metric_cell(all, p, number);

    assert(plug_metric_is(number, GOEVD_METRIC_HISTOGRAM));
    metric_add(&cells[0], value);
    metric_add(&cells[1 + (value ? 64 - __builtin_clzll(value) : 0)], 1);
}
