/* Timers of one poller, on a monotonic clock in nanoseconds. */
#pragma once

#include "ev/heap4.h"

struct timer;
typedef void (*timer_fn)(struct timer *t, uint64_t now_ns);

/* Embedded in its owner; zeroed but for fn, it is ready to be armed. */
struct timer {
    struct heap4_node node;
    uint32_t note; /* the owner's, for whatever it likes: there would be a gap */
    timer_fn fn;
};

struct timers {
    struct heap4 heap;
    uint64_t round_ns; /* the time of the round that runs or ran last */
    uint64_t due_ns;   /* when the timer whose callback runs was due */
};

void timers_fini(struct timers *ts);

/* Let t be due at due_ns, moving it if it is armed. A timer that a callback arms for a time that
 * has passed is due in the next round, so that a round ends. 0; -ENOMEM (never for an armed
 * timer). */
int timer_arm(struct timers *ts, struct timer *t, uint64_t due_ns);

/* Nothing if it is not armed. */
void timer_cancel(struct timers *ts, struct timer *t);

/* Run the timers that are due at now_ns, in order; returns how many. */
unsigned timers_run(struct timers *ts, uint64_t now_ns);

static inline bool
timer_armed(const struct timer *t)
{
    return heap4_has(&t->node);
}

/* When t, which is armed, is due. */
static inline uint64_t
timer_due_ns(const struct timers *ts, const struct timer *t)
{
    return heap4_key(&ts->heap, &t->node);
}

/* NULL without any. */
static inline struct timer *
timers_first(const struct timers *ts)
{
    struct heap4_node *first = heap4_first(&ts->heap);

    return first ? container_of(first, struct timer, node) : NULL;
}

/* When the first is due; UINT64_MAX without any. */
static inline uint64_t
timers_next_ns(const struct timers *ts)
{
    return heap4_first_key(&ts->heap);
}

/* In the callback of t: arm it for a period after it was due. It keeps its pace, but does not make
 * up for periods that it missed. */
void timer_repeat(struct timers *ts, struct timer *t, uint64_t period_ns, uint64_t now_ns);
