/* Figures: each is written by one thread and may be read by any. */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

typedef _Atomic uint64_t metric;

/* [its thread] */
static inline void
metric_add(metric *f, uint64_t n)
{
    atomic_store_explicit(f, atomic_load_explicit(f, memory_order_relaxed) + n,
                          memory_order_relaxed);
}

/* [its thread] */
static inline void
metric_set(metric *f, uint64_t value)
{
    atomic_store_explicit(f, value, memory_order_relaxed);
}

/* [any thread] */
static inline uint64_t
metric_get(const metric *f)
{
    return atomic_load_explicit(f, memory_order_relaxed);
}
