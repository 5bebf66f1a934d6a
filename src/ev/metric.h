/* Figures: each is written by one thread and may be read by any. */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

typedef _Atomic uint64_t figure;

/* [its thread] */
static inline void
figure_add(figure *f, uint64_t n)
{
    atomic_store_explicit(f, atomic_load_explicit(f, memory_order_relaxed) + n,
                          memory_order_relaxed);
}

/* [its thread] */
static inline void
figure_set(figure *f, uint64_t value)
{
    atomic_store_explicit(f, value, memory_order_relaxed);
}

/* [any thread] */
static inline uint64_t
figure_get(const figure *f)
{
    return atomic_load_explicit(f, memory_order_relaxed);
}
