#include "download/bytes/pace.h"

#define SECOND INT64_C(1000000000)

#define LATE_NS (SECOND / 32) /* lateness of a timer that costs no throughput */

/* Slices are small in comparison with a second's worth of bytes, but not smaller than necessary. */
#define SLICES_PER_S 50
#define SLOW_SLICES_PER_S 16
#define SLICE_MIN 4096

static int64_t
dl_pace_max(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* The slice of one of several users: all users together take as much per turn as a single one. */
static int64_t
dl_pace_slice(const struct dl_pace_limit *l)
{
    uint32_t users = atomic_load_explicit(&l->bucket->users, memory_order_relaxed);
    int64_t share = l->rate / (users == 0 ? 1 : users);
    int64_t slow = share / SLOW_SLICES_PER_S;

    if (slow > SLICE_MIN)
        slow = SLICE_MIN;
    return dl_pace_max(1, dl_pace_max(slow, share / SLICES_PER_S));
}

/* The start of the next bytes in a bucket whose earlier bytes are sent at `free_at`. */
static int64_t
dl_pace_start(const struct dl_pace_limit *l, int64_t burst, int64_t now_ns, int64_t free_ns)
{
    return dl_pace_max(free_ns, now_ns - dl_pace_max(LATE_NS, burst * SECOND / l->rate));
}

/* Bytes that may be sent at once, in slices. Pollers that take from a bucket at the same moment may
 * all get bytes that only one could have, and then wait. */
static int64_t
dl_pace_room(const struct dl_pace_limit *l, int64_t burst, int64_t now_ns)
{
    int64_t free_ns = atomic_load_explicit(&l->bucket->free_ns, memory_order_relaxed);
    int64_t ahead_ns = now_ns - dl_pace_start(l, burst, now_ns, free_ns);

    if (ahead_ns > SECOND / SLOW_SLICES_PER_S)
        ahead_ns = SECOND / SLOW_SLICES_PER_S;
    return ahead_ns <= 0 ? 0 : ahead_ns * l->rate / SECOND;
}

/* Take bytes from a bucket. Returns the time at which they may be sent. */
static int64_t
dl_pace_take_one(const struct dl_pace_limit *l, int64_t burst, int64_t bytes, int64_t now_ns)
{
    int64_t free_ns = atomic_load_explicit(&l->bucket->free_ns, memory_order_relaxed);
    int64_t start_ns;

    do
        start_ns = dl_pace_start(l, burst, now_ns, free_ns);
    while (!atomic_compare_exchange_weak_explicit(&l->bucket->free_ns, &free_ns,
                                                  start_ns + bytes * SECOND / l->rate,
                                                  memory_order_relaxed, memory_order_relaxed));
    return start_ns;
}

uint64_t
dl_pace_take(const struct dl_pace_limit *limits, unsigned count, int64_t burst, uint64_t left,
             int64_t now_ns, int64_t *ret_due_ns)
{
    int64_t bytes = left < DL_PACE_SLICE_MAX ? (int64_t)left : DL_PACE_SLICE_MAX;
    int64_t due_ns = now_ns;

    for (unsigned i = 0; i < count; i++) {
        int64_t most =
            dl_pace_max(dl_pace_slice(&limits[i]), dl_pace_room(&limits[i], burst, now_ns));

        bytes = bytes < most ? bytes : most;
    }
    for (unsigned i = 0; i < count; i++)
        due_ns = dl_pace_max(due_ns, dl_pace_take_one(&limits[i], burst, bytes, now_ns));
    *ret_due_ns = due_ns;
    return (uint64_t)bytes;
}
