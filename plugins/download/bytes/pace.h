/* When bytes may be sent at a rate. A bucket is the time at which what was taken so far has been
 * sent at its rate; it may lie behind now by the burst. What is taken beyond that waits for its own
 * time, so that all who share a bucket take turns, and nobody tries in vain. */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#define DL_PACE_SLICE_MAX (2 << 20) /* bytes that are taken at once */

struct dl_pace_bucket {
    _Atomic int64_t free_ns;
    _Atomic uint32_t users; /* downloads that share it; 0 counts as one */
};

struct dl_pace_limit {
    struct dl_pace_bucket *bucket;
    int64_t rate; /* bytes per second, from 1 on */
};

/* Take bytes from all of the buckets at once.
 *
 * burst       bytes that may be ahead of the rate, but for a thirty-second part of a second's.
 * left        bytes that are wanted, from 1 on.
 * ret_due_ns  when they may be sent: now_ns, or about 60 ms later, unless the share of a user is a
 *             few bytes per second.
 * Returns     how many of them, from 1 on.
 */
uint64_t dl_pace_take(const struct dl_pace_limit *limits, unsigned count, int64_t burst,
                      uint64_t left, int64_t now_ns, int64_t *ret_due_ns);
