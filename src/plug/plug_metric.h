/* Figures of the instances: a plugin registers its own while it is created, and the host's parts
 * register theirs on behalf of an instance. Each poller counts in memory of its own. */
#pragma once

#include <assert.h>

#include <goevd/metrics.h>
#include <goevd/plugin.h>

#include "ev/poller.h"

#define PLUG_FIGURES_MAX 256    /* of an instance */
#define PLUG_FIGURE_TEXT_MAX 64 /* bytes of a name, and of a unit */
#define PLUG_FIGURE_HELP_MAX 256

/* A histogram's cells: the sum, then the buckets. Bucket 0 holds zeroes, bucket k what is from
 * 2^(k-1) to 2^k - 1. */
#define PLUG_FIGURE_BUCKETS 65
#define PLUG_FIGURE_CELLS_MAX (1 + PLUG_FIGURE_BUCKETS)

struct instance;
struct plugins;

struct plug_figure;
typedef uint64_t (*plug_figure_read_fn)(const struct plug_figure *f, struct poller *p);

struct plug_figure {
    struct plug_figure *next;
    struct instance *instance;
    enum goevd_metric_type type;
    unsigned cell;            /* the first of its cells, in those of each poller */
    plug_figure_read_fn read; /* on each poller; NULL: it has cells */
    size_t offset;            /* read's own */
    const char *name;         /* as it is printed */
    const char *unit;
    const char *help;
    char text[]; /* all three */
};

struct plug_figures {
    struct plug_figure *first, *last;
    unsigned count;
    unsigned cells;          /* of each poller */
    figure *of[POLLERS_MAX]; /* by index of the poller; NULL while none is needed */
};

/* What a figure is called and what it counts; all copied. */
struct plug_figure_about {
    const char *name; /* without the plugin's */
    const char *unit;
    const char *help;
    enum goevd_metric_type type;
    plug_figure_read_fn read; /* NULL: it is counted by plug_figure_add() and the others */
    size_t offset;
};

/* [main, while instances are created] Returns the number that the functions below want, above 0;
 * -EINVAL, -EEXIST, -ENOSPC, -ENOMEM as goevd_metric_new(). */
int plug_figure_new(struct instance *i, const struct plug_figure_about *about);

/* When all have been created, and before pollers run: 0, or -ENOMEM. */
int plug_figures_start(struct plugins *p);
void plug_figures_fini(struct plugins *p);

/* How many values a figure has: 1, or a histogram's cells. */
unsigned plug_figure_values(const struct plug_figure *f);

/* [poller p] Those values; returns where the next figure's go. */
uint64_t *plug_figure_take(const struct plug_figure *f, struct poller *p, uint64_t *ret);

/* The greatest value that a bucket holds. */
uint64_t plug_figure_bucket_max(unsigned bucket);

/* In which bucket the value lies that is not below `permille` of all; 0 if there are none. */
unsigned plug_figure_quantile(const uint64_t *buckets, unsigned permille);

/* ---- [poller] -------------------------------------------------------------------------------- */

/* The number of a figure is where its cells are, and of what type it is. */
#define PLUG_FIGURE_TYPE_BITS 2

static inline int
plug_figure_number(const struct plug_figure *f)
{
    return (int)(f->cell << PLUG_FIGURE_TYPE_BITS | (unsigned)f->type);
}

static inline figure *
plug_figure_cell(const struct plug_figures *all, struct poller *p, int number)
{
    unsigned cell = (unsigned)number >> PLUG_FIGURE_TYPE_BITS;

    assert(cell < all->cells && p == poller_current);
    return &all->of[p->index][cell];
}

static inline bool
plug_figure_is(int number, enum goevd_metric_type type)
{
    return (number & ((1 << PLUG_FIGURE_TYPE_BITS) - 1)) == (int)type;
}

static inline void
plug_figure_add(const struct plug_figures *all, struct poller *p, int number, int64_t delta)
{
    assert(!plug_figure_is(number, GOEVD_METRIC_HISTOGRAM));
    figure_add(plug_figure_cell(all, p, number), (uint64_t)delta);
}

static inline void
plug_figure_set(const struct plug_figures *all, struct poller *p, int number, int64_t value)
{
    assert(plug_figure_is(number, GOEVD_METRIC_GAUGE));
    figure_set(plug_figure_cell(all, p, number), (uint64_t)value);
}

static inline void
plug_figure_observe(const struct plug_figures *all, struct poller *p, int number, uint64_t value)
{
    figure *cells = plug_figure_cell(all, p, number);

    assert(plug_figure_is(number, GOEVD_METRIC_HISTOGRAM));
    figure_add(&cells[0], value);
    figure_add(&cells[1 + (value ? 64 - __builtin_clzll(value) : 0)], 1);
}
