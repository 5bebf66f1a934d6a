#include <errno.h>

#include "net/conn.h"

/* ---- Deadline and idle time-out, checked lazily --------------------------------------------- */

static uint64_t
conn_idle_due_ns(const struct conn *c)
{
    const struct net *net = c->service->net;
    uint64_t idle = c->service->limits->idle_timeout_ns;
    uint64_t quiet = (uint64_t)(net_tick(net) - c->active_tick) << 20;

    if (idle == 0 || c->flags & CONN_CLOSING)
        return UINT64_MAX;
    return net->poller->now_ns + (quiet < idle ? idle - quiet : 0);
}

int
conn_timer_update(struct conn *c)
{
    struct timers *timers = &c->service->net->poller->timers;
    uint64_t deadline = c->deadline_ns ? c->deadline_ns : UINT64_MAX;
    uint64_t due = MIN(deadline, conn_idle_due_ns(c));

    if (due == UINT64_MAX || (timer_armed(&c->timer) && timer_due_ns(timers, &c->timer) <= due))
        return 0;
    return timer_arm(timers, &c->timer, due);
}

void
conn_deadline(struct conn *c, uint64_t delay_ns)
{
    if (c->flags & CONN_CLOSING)
        return;
    c->deadline_ns = delay_ns ? c->service->net->poller->now_ns + delay_ns : 0;
    if (delay_ns && conn_timer_update(c) < 0)
        conn_fail(c, -ENOMEM);
}

static bool
conn_tell_timeout(struct conn *c, uint64_t cookie)
{
    const struct goevd_stream *stream = conn_stream(c);

    conn_enter(c, "on_timeout");
    if (stream->on_timeout && stream->on_timeout(conn_public(c), c->state, cookie) < 0)
        conn_close(c, GOEVD_CLOSE_FLUSH, GOEVD_REASON_HANDLER);
    return conn_leave(c);
}

void
conn_timer_due(struct timer *t, uint64_t now_ns)
{
    struct conn *c = container_of(t, struct conn, timer);
    bool passed = c->deadline_ns && c->deadline_ns <= now_ns;

    if (c->flags & CONN_CLOSING) {
        if (passed)
            c->flags |= CONN_CLOSE_NOW;
        conn_settle(c);
        return;
    }
    if (conn_idle_due_ns(c) <= now_ns) {
        conn_close(c, GOEVD_CLOSE_NOW, GOEVD_REASON_IDLE);
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

/* ---- A handler's timers --------------------------------------------------------------------- */

struct conn_timer {
    struct timer timer;
    struct conn *conn;
    struct conn_timer *next;
    uint64_t cookie;
    uint64_t due_ns;
    uint64_t period_ns;
};

static struct conn_timer **
conn_timer_find(struct conn *c, uint64_t cookie)
{
    struct conn_timer **link = &c->timers;

    while (*link && (*link)->cookie != cookie)
        link = &(*link)->next;
    return link;
}

static void
conn_timer_remove(struct conn_timer **link)
{
    struct conn_timer *t = *link;

    *link = t->next;
    timer_cancel(&t->conn->service->net->poller->timers, &t->timer);
    free(t);
}

void
conn_timers_free(struct conn *c)
{
    while (c->timers)
        conn_timer_remove(&c->timers);
}

static void
conn_timer_fire(struct timer *timer, uint64_t now_ns)
{
    struct conn_timer *t = container_of(timer, struct conn_timer, timer);
    struct conn *c = t->conn;
    uint64_t cookie = t->cookie;

    if (c->flags & CONN_CLOSING)
        return;
    if (t->period_ns) {
        t->due_ns = timer_following_ns(t->due_ns, t->period_ns, now_ns);
        timer_arm(&c->service->net->poller->timers, timer, t->due_ns);
    } else {
        conn_timer_remove(conn_timer_find(c, cookie));
    }
    conn_tell_timeout(c, cookie);
}

int
conn_timer_arm(struct conn *c, uint64_t cookie, uint64_t delay_ns, uint64_t period_ns)
{
    struct conn_timer **link = conn_timer_find(c, cookie), *t = *link;
    int r;

    assert(cookie != GOEVD_DEADLINE);
    if (c->flags & CONN_CLOSING)
        return -EPIPE;
    if (!t) {
        t = calloc(1, sizeof(*t));
        if (!t)
            return -ENOMEM;
        t->timer.fn = conn_timer_fire;
        t->conn = c;
        t->cookie = cookie;
        *link = t;
    }
    t->period_ns = period_ns;
    r = poller_arm(c->service->net->poller, &t->timer, delay_ns);
    if (r < 0)
        conn_timer_remove(link);
    else
        t->due_ns = timer_due_ns(&c->service->net->poller->timers, &t->timer);
    return r;
}

void
conn_timer_cancel(struct conn *c, uint64_t cookie)
{
    struct conn_timer **link = conn_timer_find(c, cookie);

    if (*link)
        conn_timer_remove(link);
}
