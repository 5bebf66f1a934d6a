#include <errno.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>

#include "net/conn/conn_parts.h"

/* What the peer has acknowledged. The socket's buffer is no measure: it is large, and tells of room
 * only when a good part of it is free. */
static int64_t
conn_slow_taken(const struct conn *c)
{
    int waiting;

    if (ioctl(c->watch.fd, SIOCOUTQ, &waiting) < 0)
        waiting = 0;
    return (int64_t)c->bytes_out - waiting;
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
    if (c->service->limits->output_rate == 0 || c->outq->watched_ns || c->flags & CONN_CLOSING)
        return;
    conn_slow_begin(c);
    if (conn_timer_update(c) < 0)
        conn_fail(c, -ENOMEM);
}

uint64_t
conn_slow_due_ns(const struct conn *c)
{
    const struct conn_limits *limits = c->service->limits;

    if (!c->outq || !c->outq->watched_ns || limits->output_rate == 0 ||
        c->flags & (CONN_CLOSING | CONN_DISK))
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
