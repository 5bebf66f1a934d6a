#include "net/connect/connector.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>

#include "base/clock.h"
#include "base/fd.h"

#define BACKLOGGED_RETRY_NS (5 * NS_PER_MS)

static void connector_event(struct watch *w, uint32_t events);

static struct connector *
connector_of_watch(struct watch *w)
{
    return w->fn == connector_event ? container_of(w, struct connector, watch) : NULL;
}

struct connector *
connector_find(struct poller *p, uint64_t id)
{
    struct watch *w = poller_find(p, id);

    return w ? connector_of_watch(w) : NULL;
}

/* ---- The end --------------------------------------------------------------------------------- */

static void
connector_drop_socket(struct connector *k)
{
    poller_mute(k->poller, &k->watch);
    k->watch.fd = fd_close(k->watch.fd);
}

void
connector_fini(struct connector *k)
{
    if (!k->watch.id)
        return;
    connector_drop_socket(k);
    poller_forget(k->poller, &k->watch);
    timer_cancel(&k->poller->timers, &k->timer);
    names_forget(k->query);
    k->query = NULL;
}

static enum net_connect_failed
connector_why(int error)
{
    switch (error) {
    case -ECONNREFUSED:
        return NET_CONNECT_REFUSED;
    case -ETIMEDOUT:
        return NET_CONNECT_TIMEOUT;
    case -EADDRNOTAVAIL:
        return NET_CONNECT_UNRESOLVED;
    case -ECANCELED:
        return NET_CONNECT_CANCELED;
    default:
        return NET_CONNECT_ERROR;
    }
}

static void
connector_finish(struct connector *k, int result)
{
    struct net_metrics *metrics = net_of(k->poller)->metrics;

    connector_fini(k);
    if (result < 0)
        metric_add(&metrics->connect_failed[connector_why(result)], 1);
    else
        metric_add(&metrics->connected, 1);
    k->fn(k, result);
}

/* From the loop, not from within the caller. */
static void
connector_finish_soon(struct connector *k, int error)
{
    k->error = error;
    k->decided = true;
    timer_arm(&k->poller->timers, &k->timer, k->poller->now_ns); /* it is armed: it has room */
}

void
connector_cancel(struct connector *k, int error)
{
    if (k->watch.id && !k->decided)
        connector_finish_soon(k, error);
}

void
connector_close_all(struct net *net)
{
    struct slots *slots = &net->poller->slots;

    net->closed = true;
    for (uint32_t slot = 0; slot < slots->used; slot++) {
        struct watch *w = slots_at(slots, slot);
        struct connector *k = w ? connector_of_watch(w) : NULL;

        if (k)
            connector_finish(k, -ECANCELED);
    }
}

/* ---- A socket -------------------------------------------------------------------------------- */

static int
connector_set(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof(value)) < 0 ? -errno : 0;
}

static int
connector_set_tcp(const struct connector_config *config, int fd)
{
    int r = connector_set(fd, IPPROTO_TCP, TCP_NODELAY, config->nodelay);

    if (r == 0 && config->keepalive_s > 0)
        r = connector_set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    if (r == 0 && config->keepalive_s > 0)
        r = connector_set(fd, IPPROTO_TCP, TCP_KEEPIDLE, (int)config->keepalive_s);
    return r;
}

static int
connector_set_options(const struct connector *k, int fd)
{
    const struct connector_config *config = k->config;
    int r = 0;

    if (config->receive_buffer_bytes > 0)
        r = connector_set(fd, SOL_SOCKET, SO_RCVBUF, config->receive_buffer_bytes);
    if (r == 0 && config->send_buffer_bytes > 0)
        r = connector_set(fd, SOL_SOCKET, SO_SNDBUF, config->send_buffer_bytes);
    if (r == 0 && address_is_tcp(&k->peer))
        r = connector_set_tcp(config, fd);
    for (unsigned i = 0; r == 0 && i < k->option_count; i++) {
        const struct connector_option *o = &k->options[i];

        r = setsockopt(fd, o->level, o->name, o->value, o->len) < 0 ? -errno : 0;
    }
    return r;
}

/* The port is chosen when the peer is known, so that ports are not the limit of all peers
 * together: IP_BIND_ADDRESS_NO_PORT, ip(7). */
static int
connector_bind(const struct connector *k, int fd)
{
    if (k->from.len == 0)
        return 0;
    if (address_is_tcp(&k->from) && address_port(&k->from) == 0)
        connector_set(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
    return bind(fd, &k->from.sa, k->from.len) < 0 ? -errno : 0;
}

static int
connector_connect(const struct connector *k, int fd)
{
    while (connect(fd, &k->peer.sa, k->peer.len) < 0) {
        if (errno == EINPROGRESS)
            return 0;
        if (errno != EINTR)
            return -errno;
    }
    return 0;
}

/* epoll reports a connected socket as writable too, so that both ways end in connector_event(). */
static int
connector_open(struct connector *k)
{
    int r, fd = socket(k->peer.sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -errno;
    r = connector_set_options(k, fd);
    if (r == 0)
        r = connector_bind(k, fd);
    if (r == 0)
        r = connector_connect(k, fd);
    k->watch.fd = fd;
    if (r == 0)
        r = poller_rewatch(k->poller, &k->watch, EPOLLOUT);
    if (r < 0)
        connector_drop_socket(k);
    return r;
}

/* ---- One address after the other ------------------------------------------------------------- */

/* Each address has an equal share of the remaining time. */
static void
connector_arm(struct connector *k)
{
    uint64_t now = clock_now_ns(), left = k->deadline_ns > now ? k->deadline_ns - now : 0;
    uint64_t due = now + left / (k->count - k->next + 1);

    if (k->backlogged)
        due = MIN(due, now + BACKLOGGED_RETRY_NS);
    timer_arm(&k->poller->timers, &k->timer, due);
}

/* 0: one is being tried. */
static int
connector_try(struct connector *k)
{
    int r = connector_open(k);

    /* unix(7): epoll cannot wait for this. */
    k->backlogged = r == -EAGAIN && k->peer.sa.sa_family == AF_UNIX;
    if (r < 0 && !k->backlogged)
        return r;
    connector_arm(k);
    return 0;
}

static void
connector_try_next(struct connector *k)
{
    while (k->next < k->count) {
        int r;

        k->peer = k->addresses[k->next++];
        r = connector_try(k);
        if (r == 0)
            return;
        k->error = r;
    }
    connector_finish_soon(k, k->error);
}

/* ---- Events ---------------------------------------------------------------------------------- */

/* A local port without a listener may be chosen as the source, and then TCP connects the socket to
 * itself. */
static bool
connector_met_itself(const struct connector *k)
{
    struct address self = {.len = sizeof(self.storage)};

    if (!address_is_tcp(&k->peer) || getsockname(k->watch.fd, &self.sa, &self.len) < 0)
        return false;
    return self.len == k->peer.len && memcmp(&self.sa, &k->peer.sa, self.len) == 0;
}

static int
connector_outcome(const struct connector *k)
{
    socklen_t len = sizeof(int);
    int error = 0;

    if (getsockopt(k->watch.fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
        return -errno;
    if (error == 0 && connector_met_itself(k))
        error = ECONNREFUSED;
    return -error;
}

static void
connector_event(struct watch *w, uint32_t events)
{
    struct connector *k = container_of(w, struct connector, watch);
    int fd = w->fd, r = connector_outcome(k);

    (void)events;
    if (k->decided)
        return;
    if (r < 0) {
        k->error = r;
        connector_drop_socket(k);
        connector_try_next(k);
        return;
    }
    poller_mute(k->poller, w);
    w->fd = -1;
    connector_finish(k, fd);
}

static void
connector_due(struct timer *t, uint64_t now_ns)
{
    struct connector *k = container_of(t, struct connector, timer);

    if (k->decided) {
        connector_finish(k, k->error);
        return;
    }
    if (now_ns >= k->deadline_ns) {
        connector_finish(k, -ETIMEDOUT);
        return;
    }
    if (k->backlogged)
        k->next--; /* the same again */
    else
        k->error = -ETIMEDOUT;
    connector_drop_socket(k);
    connector_try_next(k);
}

/* ---- Beginning ------------------------------------------------------------------------------- */

static void
connector_resolved(struct names_query *query, int result)
{
    struct connector *k = query->arg;

    if (k->decided)
        return;
    if (result < 0) {
        connector_finish(k, result);
        return;
    }
    k->addresses = query->addresses;
    k->count = (unsigned)result;
    connector_try_next(k);
}

static int
connector_begin(struct connector *k)
{
    struct poller *p = k->poller;
    int r;

    k->deadline_ns = poller_due_ns(k->timeout_ns ? k->timeout_ns : k->config->timeout_ns);
    k->timer.fn = connector_due;
    r = poller_watch_muted(p, &k->watch, -1, connector_event);
    if (r < 0)
        return r;
    r = timer_arm(&p->timers, &k->timer, k->deadline_ns);
    if (r < 0)
        poller_forget(p, &k->watch);
    return r;
}

int
connector_start(struct connector *k, struct poller *p, const char *to, struct err *reterr)
{
    struct address_host host;
    int named = address_parse_peer(to, &k->peer, &host, reterr), r;

    if (named < 0)
        return named == -ENOMEM ? named : -EINVAL;
    if (net_of(p)->closed)
        return err_set(reterr, -ECANCELED, "goevd stops");
    k->poller = p;
    r = connector_begin(k);
    if (r == 0 && named)
        r = names_ask(k->config->names, p, &host, k->fresh, connector_resolved, k, &k->query);
    if (r < 0) {
        connector_fini(k);
        return err_set_errno(reterr, r, "cannot connect to %s", to);
    }
    metric_add(&net_of(p)->metrics->connects, 1);
    if (!named) {
        k->addresses = &k->peer;
        k->count = 1;
        connector_try_next(k);
    }
    return 0;
}
