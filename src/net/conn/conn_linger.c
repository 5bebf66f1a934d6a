/* Lingering: a closed connection reads on until its peer has everything.
 *
 * close(2) with unread bytes in the socket resets the connection, and the reset overtakes bytes
 * that the peer has not read: RFC 9112, section 9.6. The kernel still holds output when the last
 * byte was sent to it, so the time that a peer has for its close begins again as long as it
 * acknowledges output, or sends. */
#include <errno.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>

#include "net/conn/conn_parts.h"

/* Bytes that the peer has not acknowledged; of a unix socket, not read. */
static uint64_t
conn_linger_waiting(const struct conn *c)
{
    int waiting;

    if (ioctl(c->watch.fd, SIOCOUTQ, &waiting) < 0)
        return 0;
    return (uint64_t)waiting;
}

static bool
conn_linger_must(const struct conn *c)
{
    bool unread = c->flags & CONN_UNREAD || c->tail;

    if (c->flags & (CONN_EOF | CONN_CLOSE_NOW) || c->service->limits->linger_timeout_ns == 0)
        return false;
    return unread || !(c->flags & CONN_CLOSE_DONE);
}

void
conn_linger_begin(struct conn *c)
{
    if (c->outq || c->flags & CONN_LINGERING || !conn_linger_must(c))
        return;
    c->service->transport->shutdown(c);
    conn_timers_free(c);
    c->flags |= CONN_LINGERING;
    c->active_tick = net_tick(c->service->net);
    c->linger_waiting = conn_linger_waiting(c);
    c->deadline_ns = conn_poller(c)->now_ns + c->service->limits->linger_timeout_ns;
}

/* The peer sends on. It may do so for linger_max, at the rate at which it has to take output: a
 * peer that sends a byte now and then gains nothing. */
static void
conn_linger_received(struct conn *c, size_t n)
{
    const struct conn_limits *limits = c->service->limits;
    uint64_t now_ns = conn_poller(c)->now_ns;
    uint64_t lasted_ns = net_since_tick_ns(c->service->net, c->active_tick);
    uint64_t left_ns = limits->linger_max_ns > lasted_ns ? limits->linger_max_ns - lasted_ns : 0;
    uint64_t latest_ns = now_ns + MIN(left_ns, limits->linger_timeout_ns);
    uint64_t gained_ns =
        limits->output_rate ? n * NS_PER_S / limits->output_rate : limits->linger_timeout_ns;

    c->deadline_ns = MAX(c->deadline_ns, MIN(c->deadline_ns + gained_ns, latest_ns));
}

void
conn_linger_read(struct conn *c)
{
    struct net *net = c->service->net;
    ssize_t n = c->service->transport->read(c, net->read_buffer, net->read_max);

    if (n > 0)
        conn_linger_received(c, (size_t)n);
    if (n > 0 || n == -EAGAIN)
        return;
    c->flags |= CONN_CLOSE_NOW;
    conn_settle(c);
}

bool
conn_linger_goes_on(struct conn *c, uint64_t now_ns)
{
    const struct conn_limits *limits = c->service->limits;
    uint64_t least = limits->output_rate * (limits->linger_timeout_ns / NS_PER_MS) / 1000;
    uint64_t waiting = conn_linger_waiting(c);
    uint64_t taken = c->linger_waiting - MIN(waiting, c->linger_waiting);

    if (taken == 0 || (waiting != 0 && taken < least))
        return false;
    c->linger_waiting = waiting;
    c->deadline_ns = now_ns + limits->linger_timeout_ns;
    return true;
}
