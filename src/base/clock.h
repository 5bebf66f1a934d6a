/* Time in nanoseconds. */
#pragma once

#include <stdint.h>
#include <time.h>

#include "base/util.h"

static inline uint64_t
clock_read_ns(clockid_t id)
{
    struct timespec ts;

    clock_gettime(id, &ts);
    return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

/* Exact. */
static inline uint64_t
clock_now_ns(void)
{
    return clock_read_ns(CLOCK_MONOTONIC);
}

/* delay_ns after now_ns. A time that is too long to be counted, as UINT64_MAX, never comes. */
static inline uint64_t
clock_after_ns(uint64_t now_ns, uint64_t delay_ns)
{
    return now_ns + MIN(delay_ns, UINT64_MAX / 2);
}

/* Up to one kernel tick (1 to 10 ms) behind clock_now_ns(), never ahead of it, and a fifth of its
 * cost. */
static inline uint64_t
clock_coarse_ns(void)
{
    return clock_read_ns(CLOCK_MONOTONIC_COARSE);
}
