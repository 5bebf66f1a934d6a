#include <errno.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>

#include "net/conn/conn_parts.h"

/* Whether the peer takes its output: at the rate of the limits, and at all.
 *
 * Every time-out for output moves with the bytes that the peer has acknowledged. The room in the
 * socket's buffer is no measure: the buffer is large, and epoll reports room only when a third is
 * free. */
static int64_t
conn_slow_taken(const struct conn *c)
{
    int waiting;

    if (ioctl(c->watch.fd, SIOCOUTQ, &waiting) < 0)
        waiting = 0;
    if (c->outq)
        waiting += (int)c->outq->sealed;
    return (int64_t)c->bytes_out - waiting;
}

bool
conn_slow_moved(struct conn *c)
{
    int64_t taken;

    if (!c->outq)
        return false;
    taken = conn_slow_taken(c);
    if (taken <= c->outq->taken_at)
        return false;
    c->outq->taken_at = taken;
    return true;
}

static void
conn_slow_begin(struct conn *c)
{
    c->outq->watched_ns = conn_poller(c)->now_ns;
    c->outq->watched_at = conn_slow_taken(c);
}

void
conn_slow_watch(struct conn *c)
{
    if (!c->outq->taken_at)
        c->outq->taken_at = conn_slow_taken(c);
    if (c->service->limits->output_rate == 0 || c->outq->watched_ns)
        return;
    conn_slow_begin(c);
    if (conn_timer_update(c) < 0)
        conn_fail(c, -ENOMEM);
}

uint64_t
conn_slow_due_ns(const struct conn *c)
{
    const struct conn_limits *limits = c->service->limits;

    if (!c->outq || !c->outq->watched_ns || limits->output_rate == 0 || c->flags & CONN_DISK)
        return UINT64_MAX;
    return c->outq->watched_ns + limits->output_timeout_ns;
}

bool
conn_slow_passed(struct conn *c)
{
    const struct conn_limits *limits = c->service->limits;
    uint64_t least = limits->output_rate * (limits->output_timeout_ns / NS_PER_MS) / 1000;

    if (conn_slow_taken(c) - c->outq->watched_at < (int64_t)least)
        return true;
    conn_slow_begin(c);
    return false;
}
