/* Computes when bytes may be sent at a rate. A bucket is the time at which all bytes taken so far
 * have been sent at its rate; it may lie behind now by the burst. Bytes beyond the burst are sent
 * at their own time, so that all users of a bucket take turns and never retry. */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#define DL_PACE_SLICE_MAX (2 << 20) /* bytes taken at once */

struct dl_pace_bucket {
    _Atomic int64_t free_ns;
    _Atomic uint32_t users; /* downloads that share the bucket; 0 counts as one */
};

struct dl_pace_limit {
    struct dl_pace_bucket *bucket;
    int64_t rate; /* bytes per second, at least 1 */
};

/* Take bytes from all of the buckets at once.
 *
 * burst       Bytes that may be ahead of the rate, less a thirty-second of a second's bytes.
 * left        Bytes that the caller has to send, at least 1.
 * ret_due_ns  Time at which the bytes may be sent: now_ns, or about 60 ms later, unless the share
 *             of a user is only a few bytes per second.
 * Returns     Bytes taken, at least 1.
 */
uint64_t dl_pace_take(const struct dl_pace_limit *limits, unsigned count, int64_t burst,
                      uint64_t left, int64_t now_ns, int64_t *ret_due_ns);
