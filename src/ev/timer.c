#include "ev/timer.h"

#include "base/clock.h"

void
timers_fini(struct timers *ts)
{
    heap4_fini(&ts->heap);
}

int
timer_arm(struct timers *ts, struct timer *t, uint64_t due_ns)
{
    due_ns = MAX(due_ns, ts->round_ns + 1);
    if (!timer_armed(t))
        return heap4_insert(&ts->heap, &t->node, due_ns);
    heap4_move(&ts->heap, &t->node, due_ns);
    return 0;
}

void
timer_cancel(struct timers *ts, struct timer *t)
{
    if (timer_armed(t))
        heap4_remove(&ts->heap, &t->node);
}

void
timer_repeat(struct timers *ts, struct timer *t, uint64_t period_ns, uint64_t now_ns)
{
    uint64_t due_ns = clock_after_ns(ts->due_ns, period_ns);

    if (due_ns <= now_ns)
        due_ns = clock_after_ns(now_ns, period_ns);
    timer_arm(ts, t, due_ns); /* there is room: it was armed until now */
}

unsigned
timers_run(struct timers *ts, uint64_t now_ns)
{
    unsigned count = 0;

    ts->round_ns = now_ns;
    while (timers_next_ns(ts) <= now_ns) {
        struct timer *t = timers_first(ts);

        ts->due_ns = timers_next_ns(ts);
        heap4_remove(&ts->heap, &t->node);
        __builtin_prefetch(timers_first(ts));
        t->fn(t, now_ns);
        count++;
    }
    return count;
}
