#include <errno.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "net/conn/conn_parts.h"
#include "net/tally.h"

void
conn_close(struct conn *c, unsigned flags, enum goevd_reason reason)
{
    if (!(c->flags & CONN_CLOSING)) {
        if (c->flags & CONN_REFUSED && reason == GOEVD_REASON_HANDLER)
            reason = GOEVD_REASON_FRAME;
        c->flags |= CONN_CLOSING | (uint32_t)reason << CONN_REASON_SHIFT;
        c->deadline_ns = conn_poller(c)->now_ns + c->service->limits->close_timeout_ns;
        if (flags & GOEVD_CLOSE_DONE)
            c->flags |= CONN_CLOSE_DONE;
    }
    if (flags & GOEVD_CLOSE_NOW)
        c->flags |= CONN_CLOSE_NOW;
    if (c->service->net->entered != c)
        conn_list(c);
}

int
conn_give_back(struct conn *c)
{
    const struct net *net = c->service->net;

    if (c->service->transport != &transport_lent)
        return -EINVAL;
    if (c->flags & CONN_CLOSING)
        return -EPIPE;
    if (c->outq || (net->entered == c && net->write_len > 0))
        return -EBUSY;
    c->flags |= CONN_GIVEN_BACK;
    conn_close(c, GOEVD_CLOSE_NOW | GOEVD_CLOSE_DONE, GOEVD_REASON_RELEASED);
    return 0;
}

int
conn_reject(struct conn *c)
{
    if (c->service->transport != &transport_lent)
        return -EINVAL;
    if (c->flags & CONN_CLOSING)
        return -EPIPE;
    c->flags |= CONN_REJECTED;
    conn_close(c, GOEVD_CLOSE_NOW, GOEVD_REASON_HANDLER);
    return 0;
}

void
conn_fail(struct conn *c, int error)
{
    bool reset = error == -ECONNRESET || error == -EPIPE;

    conn_close(c, GOEVD_CLOSE_NOW, reset ? GOEVD_REASON_RESET : GOEVD_REASON_ERROR);
}

/* The service of a connection that is freed: its poller is none. */
static struct net freed_net = {.poller = (struct poller *)&freed_net};
static struct service freed_service = {.net = &freed_net};

void
conn_release(struct conn *c)
{
    struct slab *slab = &c->service->origin->slab;

    c->watch.fn = NULL; /* conn_is_one() */
    c->service = &freed_service;
    slab_free(slab, c);
}

static void
conn_untally(const struct conn *c)
{
    struct sockaddr_storage peer;

    conn_peer_address(c, &peer);
    tally_drop(c->service->clients, (struct sockaddr *)&peer);
}

/* The queue is dropped, so the peer does not get all of it anyway. A reset reports that, and lets
 * the kernel free the bytes that it holds for a peer that does not read: megabytes, for minutes. */
static void
conn_reset(const struct conn *c)
{
    const struct linger at_once = {.l_onoff = 1};

    (void)setsockopt(c->watch.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
}

/* The one end of every connection. */
static void
conn_end(struct conn *c)
{
    enum goevd_reason reason = (enum goevd_reason)(c->flags >> CONN_REASON_SHIFT);
    struct service *s = c->service;
    struct net *net = s->net;

    if (c->flags & CONN_OPENED && s->stream->on_close) {
        conn_place(c, "on_close");
        s->stream->on_close(conn_public(c), c->state, reason);
        place_leave(&net->poller->place);
    }
    if (!(c->flags & CONN_OPENED) && s->on_unopened)
        s->on_unopened(c, reason);
    c->flags |= CONN_DEAD;
    if (!(c->flags & CONN_LINGERING))
        conn_timers_free(c);
    timer_cancel(&net->poller->timers, &c->timer);
    if (c->flags & CONN_GIVEN_BACK)
        poller_unwatch(net->poller, &c->watch);
    else
        poller_forget(net->poller, &c->watch);
    if (s->transport->fini)
        s->transport->fini(c);
    if (s->prologue)
        s->prologue->fini(c);
    if (c->outq)
        conn_reset(c);
    fd_close(c->watch.fd);
    outq_free(c->outq, -EPIPE);
    conn_tail_free(c);
    conn_state_free(c);
    metric_add(&net->metrics->closed[reason], 1);
    if (c->flags & CONN_TALLIED)
        conn_untally(c);
    if (s->on_gone)
        s->on_gone(s->on_gone_arg);
    if (!(c->flags & CONN_LISTED))
        conn_release(c);
    net_conn_gone(net);
}

static bool
conn_close_step(struct conn *c)
{
    if (!(c->flags & CONN_CLOSE_NOW)) {
        conn_finish(c);
        conn_linger_begin(c);
        if (c->outq || c->flags & CONN_LINGERING) {
            conn_interest(c);
            if (conn_timer_update(c) == 0)
                return true;
        }
    }
    conn_end(c);
    return false;
}

/* Output has ended as the handler asked. */
static void
conn_shut(struct conn *c)
{
    int r;

    conn_finish(c);
    if (c->outq)
        return; /* again, when it is empty */
    r = c->service->transport->shutdown(c);
    c->flags |= CONN_SHUT_DONE;
    if (r < 0)
        conn_fail(c, r);
    else if (c->flags & CONN_EOF_TOLD)
        conn_close(c, GOEVD_CLOSE_DONE, GOEVD_REASON_EOF);
}

bool
conn_settle(struct conn *c)
{
    if (c->outq && !(c->flags & (CONN_BLOCKED | CONN_DISK | CONN_CLOSE_NOW)))
        conn_flush(c);
    if (c->flags & CONN_UPGRADING && !(c->flags & CONN_CLOSING))
        return conn_take_upgrade(c);
    if ((c->flags & (CONN_SHUT | CONN_SHUT_DONE)) == CONN_SHUT && !c->outq)
        conn_shut(c);
    if (!(c->flags & CONN_CLOSING))
        conn_interest(c);
    return c->flags & CONN_CLOSING ? conn_close_step(c) : true;
}
