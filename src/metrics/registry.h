/* The series of this process, the places of their cells, and the catalog for other processes.
 * Series are added while one thread runs; then registry_start() gives them memory. */
#pragma once

#include <assert.h>

#include "metrics/counts.h"
#include "metrics/view.h"

#define REGISTRY_BLOCKS_MAX 256 /* one for each poller */

struct registry {
    struct counts counts;
    struct view names;
    const struct view_series **histograms; /* by their index */
    size_t histogram_count;
    unsigned cells; /* of each block, but for series that were added by registry_add_at() */
    unsigned block_count;
    _Atomic uint64_t *blocks[REGISTRY_BLOCKS_MAX];
};

/* Count in the memory of `fd`, or if it is -1 in private memory. fd
 * stays the caller's. */
int registry_init(struct registry *r, int fd, struct err *reterr);
void registry_fini(struct registry *r);

/* Add a series: `values` has one for each label of `about`; all is copied. Returns its number,
 * above 0; -EINVAL, -EEXIST, -ENOSPC, -ENOMEM as goevd_metric_new(). `owner` is of no meaning here.
 */
int registry_add(struct registry *r, const struct catalog_family *about, const char *const *values,
                 const void *owner);

/* Add a series whose cells are somewhere in the counts already. 0, or the same errors. */
int registry_add_at(struct registry *r, const struct catalog_family *about,
                    const char *const *values, const void *cells, size_t stride, unsigned blocks);

/* The series with this number, which this owner has added; NULL if there is none. It searches. */
const struct view_series *registry_find(const struct registry *r, int number, const void *owner);

/* All have been added: give each of `blocks` blocks its cells, and make the catalog known. -ENOSPC,
 * -ENOMEM. */
int registry_start(struct registry *r, unsigned blocks);

/* A block's share of a counter or gauge that this registry has. Any thread. */
uint64_t registry_share(const struct registry *r, const struct view_series *s, unsigned block);

/* ---- [the thread of a block] ----------------------------------------------------------------- */

/* A number is the type in two bits, and above them the cell, or of a histogram its index. */
#define REGISTRY_TYPE_BITS 2

static inline enum goevd_metric_type
registry_type(int number)
{
    return (enum goevd_metric_type)(number & ((1 << REGISTRY_TYPE_BITS) - 1));
}

static inline void
registry_count(_Atomic uint64_t *cell, uint64_t n)
{
    atomic_store_explicit(cell, atomic_load_explicit(cell, memory_order_relaxed) + n,
                          memory_order_relaxed);
}

/* A block's cell of a counter or gauge. */
static inline _Atomic uint64_t *
registry_cell(const struct registry *r, unsigned block, int number)
{
    unsigned cell = (unsigned)number >> REGISTRY_TYPE_BITS;

    assert(number > 0 && registry_type(number) != GOEVD_METRIC_HISTOGRAM && cell < r->cells);
    return &r->blocks[block][cell];
}

void registry_observe(const struct registry *r, unsigned block, int number, uint64_t value,
                      uint64_t times);
