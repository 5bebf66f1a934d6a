#include <errno.h>

#include "base/clock.h"
#include "net/conn/conn_parts.h"

/* ---- Deadline, idle time-out and slow peers, checked lazily ---------------------------------- */

static uint64_t
conn_idle_due_ns(const struct conn *c)
{
    const struct net *net = c->service->net;
    uint64_t idle = c->service->limits->idle_timeout_ns;
    uint64_t quiet = net_since_tick_ns(net, c->active_tick);

    if (idle == 0 || c->flags & CONN_CLOSING)
        return UINT64_MAX;
    return net->poller->now_ns + (quiet < idle ? idle - quiet : 0);
}

int
conn_timer_update(struct conn *c)
{
    struct timers *timers = &c->service->net->poller->timers;
    uint64_t deadline = c->deadline_ns ? c->deadline_ns : UINT64_MAX;
    uint64_t output = MIN(conn_slow_due_ns(c), conn_disk_due_ns(c));
    uint64_t due = MIN(MIN(deadline, conn_idle_due_ns(c)), output);

    if (due == UINT64_MAX || (timer_armed(&c->timer) && timer_due_ns(timers, &c->timer) <= due))
        return 0;
    return timer_arm(timers, &c->timer, due);
}

void
conn_limits_changed(struct conn *c)
{
    if (c->outq && c->flags & CONN_BLOCKED)
        conn_slow_watch(c);
    if (conn_timer_update(c) < 0)
        conn_fail(c, -ENOMEM);
    if (c->flags & CONN_TELL_DRAINED)
        conn_list(c);
}

void
conn_deadline(struct conn *c, uint64_t delay_ns)
{
    if (c->flags & CONN_CLOSING)
        return;
    c->deadline_ns = delay_ns ? clock_after_ns(conn_poller(c)->now_ns, delay_ns) : 0;
    if (delay_ns && conn_timer_update(c) < 0)
        conn_fail(c, -ENOMEM);
}

static bool
conn_tell_timeout(struct conn *c, uint64_t cookie)
{
    const struct goevd_stream *stream = conn_stream(c);

    conn_enter(c, "on_timeout");
    if (stream->on_timeout &&
        conn_result_closes(c, stream->on_timeout(conn_public(c), c->state, cookie)))
        conn_close(c, GOEVD_CLOSE_FLUSH, GOEVD_REASON_HANDLER);
    return conn_leave(c);
}

/* The flush of a closing connection goes on as long as the peer takes something in each
 * close_timeout, or while it waits for the disk. */
static bool
conn_closing_goes_on(struct conn *c, uint64_t now_ns)
{
    uint64_t timeout_ns = c->service->limits->close_timeout_ns;

    if (c->flags & CONN_LINGERING)
        return conn_linger_goes_on(c, now_ns);
    if (timeout_ns == 0 || !c->outq || !(c->flags & CONN_DISK || conn_slow_moved(c)))
        return false;
    c->deadline_ns = now_ns + timeout_ns;
    return true;
}

static void
conn_closing_due(struct conn *c, uint64_t now_ns)
{
    bool slow = conn_slow_due_ns(c) <= now_ns && conn_slow_passed(c);

    if (slow || (c->deadline_ns <= now_ns && !conn_closing_goes_on(c, now_ns)))
        c->flags |= CONN_CLOSE_NOW;
    conn_settle(c);
}

/* A peer that takes queued output is not idle, though the socket may not have room for more yet. */
static bool
conn_is_idle(struct conn *c, uint64_t now_ns)
{
    if (conn_idle_due_ns(c) > now_ns)
        return false;
    if (!conn_slow_moved(c))
        return true;
    c->active_tick = net_tick(c->service->net);
    return false;
}

void
conn_timer_due(struct timer *t, uint64_t now_ns)
{
    struct conn *c = container_of(t, struct conn, timer);
    bool passed = c->deadline_ns && c->deadline_ns <= now_ns;

    if (conn_disk_due_ns(c) <= now_ns) {
        conn_disk_again(c);
        if (!conn_settle(c))
            return;
    }
    if (c->flags & CONN_CLOSING) {
        conn_closing_due(c, now_ns);
        return;
    }
    if (conn_is_idle(c, now_ns)) {
        conn_close(c, GOEVD_CLOSE_NOW, GOEVD_REASON_IDLE);
        conn_settle(c);
        return;
    }
    if (conn_slow_due_ns(c) <= now_ns && conn_slow_passed(c)) {
        conn_close(c, GOEVD_CLOSE_NOW, GOEVD_REASON_SLOW);
        conn_settle(c);
        return;
    }
    if (passed && !(c->flags & CONN_OPENED)) {
        conn_begin(c);
        return;
    }
    if (passed) {
        c->deadline_ns = 0;
        if (!conn_tell_timeout(c, GOEVD_DEADLINE))
            return;
    }
    conn_timer_update(c);
}

/* ---- A handler's timers ---------------------------------------------------------------------- */

static void conn_timer_fire(struct timer *timer, uint64_t now_ns);

static struct timers *
conn_timers(const struct conn *c)
{
    return &conn_poller(c)->timers;
}

/* NULL without memory. */
static struct conn_timer *
conn_timer_new(struct conn *c, uint64_t cookie)
{
    struct net *net = c->service->net;
    struct conn_timer *t = slab_alloc(&net->timer_slab);

    if (!t)
        return NULL;
    *t = (struct conn_timer){.timer.fn = conn_timer_fire, .conn = c, .cookie = cookie};
    if (timer_table_add(&net->timers, t) < 0) {
        slab_free(&net->timer_slab, t);
        return NULL;
    }
    t->next = c->timers;
    t->link = &c->timers;
    if (t->next)
        t->next->link = &t->next;
    c->timers = t;
    return t;
}

/* Of a million, none of this is in the caches; so all of it is asked for at once. */
static void
conn_timer_fetch(const struct timer_table *table, const struct conn_timer *t)
{
    timer_table_fetch(table, t->conn, t->cookie);
    __builtin_prefetch(t->link, 1);
    __builtin_prefetch(t->next, 1);
}

static void
conn_timer_free(struct conn_timer *t)
{
    struct conn *c = t->conn;
    struct net *net = c->service->net;

    conn_timer_fetch(&net->timers, t);
    timer_cancel(conn_timers(c), &t->timer);
    timer_table_remove(&net->timers, t);
    *t->link = t->next;
    if (t->next)
        t->next->link = t->link;
    slab_free(&net->timer_slab, t);
}

/* If many are due together, the memory of the next one is fetched while the handler of this one
 * runs and the heap is put in order. */
static void
conn_timer_fetch_next(const struct net *net)
{
    struct timer *next = timers_first(&net->poller->timers);

    if (next && next->fn == conn_timer_fire)
        conn_timer_fetch(&net->timers, container_of(next, struct conn_timer, timer));
}

void
conn_timers_free(struct conn *c)
{
    while (c->timers)
        conn_timer_free(c->timers);
}

static void
conn_timer_fire(struct timer *timer, uint64_t now_ns)
{
    struct conn_timer *t = container_of(timer, struct conn_timer, timer);
    struct conn *c = t->conn;
    uint64_t cookie = t->cookie;

    if (c->flags & CONN_CLOSING)
        return;
    if (t->period_ns)
        timer_repeat(conn_timers(c), timer, t->period_ns, now_ns);
    else
        conn_timer_free(t);
    conn_timer_fetch_next(c->service->net);
    conn_tell_timeout(c, cookie);
}

int
conn_timer_arm(struct conn *c, uint64_t cookie, uint64_t delay_ns, uint64_t period_ns)
{
    const struct timer_table *table = &c->service->net->timers;
    struct conn_timer *t;
    uint64_t due_ns;
    int r;

    assert(cookie != GOEVD_DEADLINE);
    if (c->flags & CONN_CLOSING)
        return -EPIPE;
    timer_table_fetch(table, c, cookie);
    due_ns = poller_due_ns(delay_ns); /* reading the clock waits for earlier loads */
    t = timer_table_find(table, c, cookie);
    if (!t)
        t = conn_timer_new(c, cookie);
    if (!t)
        return -ENOMEM;
    t->period_ns = period_ns;
    r = timer_arm(conn_timers(c), &t->timer, due_ns);
    if (r < 0)
        conn_timer_free(t);
    return r;
}

void
conn_timer_cancel(struct conn *c, uint64_t cookie)
{
    struct conn_timer *t = timer_table_find(&c->service->net->timers, c, cookie);

    if (t)
        conn_timer_free(t);
}
