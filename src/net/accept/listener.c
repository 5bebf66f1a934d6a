#include "net/accept/listener.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "base/clock.h"
#include "base/fd.h"
#include "net/accept/balance.h"
#include "net/accept/listen.h"
#include "net/conn/conn.h"
#include "net/proxy/proxied.h"
#include "net/tally.h"
#include "net/tls/tls.h"

#define ACCEPT_RETRY_NS (100 * NS_PER_MS)
#define ACCEPT_LAST_MAX 65536 /* connections that a queue is emptied of at the end */
#define ACCEPT_CALM_TRIES                                                                          \
    10 /* so many tries in a row must find an empty queue to end an episode                        \
        */

/* One poller's watch on one listening socket. */
struct acceptor {
    struct watch watch;
    struct timer retry; /* while it is paused */
    struct admission_waiter *waiter;
    struct listener *listener;
    struct poller *poller;
    unsigned calm; /* tries since a connection has had to wait */
    bool paused;   /* an episode of failures has begun and has not ended */
};

/* ---- Counting -------------------------------------------------------------------------------- */

/* A connection counts for its client from accepting on, unless a proxy will name the client. */
static bool
listener_tallies(const struct listener *l, const struct sockaddr *peer)
{
    return l->clients && !proxy_policy_owes(l->config.proxy, peer);
}

static bool
listener_tally(struct listener *l, const struct sockaddr *peer)
{
    return !listener_tallies(l, peer) || tally_add(l->clients, peer, l->config.client_max) == 0;
}

static void
listener_untally(struct listener *l, const struct sockaddr *peer)
{
    if (listener_tallies(l, peer))
        tally_drop(l->clients, peer);
}

void
listener_refuse(struct listener *l, struct poller *p, const struct sockaddr *peer,
                enum net_refused why)
{
    listener_untally(l, peer);
    metric_add(&net_of(p)->metrics->refused[why], 1);
    admission_release(&l->admission);
}

static void
acceptor_count(struct acceptor *a, enum net_refused why)
{
    metric_add(&net_of(a->poller)->metrics->refused[why], 1);
}

static void
listener_uncount(struct listener *l, struct poller *p)
{
    atomic_fetch_sub_explicit(&p->load, 1, memory_order_relaxed);
    admission_release(&l->admission);
}

static void
listener_conn_gone(void *arg)
{
    listener_uncount(arg, poller_current);
}

/* ---- Opening --------------------------------------------------------------------------------- */

void
listener_open_conn(struct listener *l, struct poller *p, int fd, const struct sockaddr *peer)
{
    struct service *s = l->services[p->index];
    struct conn_seed seed = {.tallied = listener_tallies(l, peer)};

    if (!p->net || !s)
        fd_close(fd); /* the poller has stopped while the fd was on its way */
    else if (conn_open(s, fd, peer, &seed) == 0)
        return;
    else
        metric_add(&net_of(p)->metrics->refused[NET_REFUSED_MEMORY], 1);
    listener_untally(l, peer);
    listener_uncount(l, p);
}

/* ---- Accepting ------------------------------------------------------------------------------- */

static void
acceptor_tell(struct acceptor *a, int error)
{
    const struct listener_config *config = &a->listener->config;

    if (config->on_pause)
        config->on_pause(a->listener, error, config->on_pause_arg);
}

/* The socket stays readable while nothing can be accepted: epoll must forget it for a while. */
static void
acceptor_hold(struct acceptor *a)
{
    if (poller_arm(a->poller, &a->retry, ACCEPT_RETRY_NS) == 0)
        poller_mute(a->poller, &a->watch);
}

/* accept4(2) wants a file descriptor before it looks whether anybody waits. */
static bool
acceptor_is_awaited(const struct acceptor *a)
{
    struct pollfd p = {.fd = a->watch.fd, .events = POLLIN};

    return poll(&p, 1, 0) != 0;
}

static void
acceptor_pause(struct acceptor *a, int error, enum net_refused why)
{
    if (!acceptor_is_awaited(a))
        return;
    acceptor_count(a, why);
    if (!a->paused)
        acceptor_tell(a, error);
    a->paused = true;
    a->calm = 0;
    acceptor_hold(a);
}

/* The queue is empty, and there is room for the next connection. At the limit this changes with
 * every connection, so the episode goes on until the state has lasted. */
static void
acceptor_resume(struct acceptor *a)
{
    if (likely(!a->paused) || a->calm < ACCEPT_CALM_TRIES)
        return;
    a->paused = false;
    acceptor_tell(a, 0);
}

/* Returns true to try the next one. accept(2) also returns errors of the new connection. */
static bool
acceptor_failed(struct acceptor *a, int error)
{
    switch (error) {
    case EAGAIN:
        acceptor_resume(a);
        return false;
    case EINTR:
        return true;
    case EMFILE:
    case ENFILE:
        acceptor_pause(a, error, NET_REFUSED_FDS);
        return false;
    case ENOBUFS:
    case ENOMEM:
        acceptor_pause(a, error, NET_REFUSED_MEMORY);
        return false;
    default:
        acceptor_count(a, NET_REFUSED_ERROR);
        return true;
    }
}

/* A new connection, from accept4(2). */
struct arrival {
    struct sockaddr_storage peer;
    socklen_t len;
    int fd;
    bool placed;  /* among connections_max */
    bool tallied; /* among those of its client */
};

/* The reactor that its handler has chosen; NULL: none. */
static struct reactor *
acceptor_ask(struct acceptor *a, const struct arrival *new)
{
    const struct listener_config *c = &a->listener->config;
    int number;

    place_enter(&a->poller->place, c->owner, "on_accept", 0);
    number = c->stream->on_accept(c->instance, (struct goevd_poller *)a->poller,
                                  (const struct sockaddr *)&new->peer, new->len);
    place_leave(&a->poller->place);
    if (number == 0)
        return c->serve;
    return number > 0 && (unsigned)number <= c->reactor_count ? c->reactors[number - 1] : NULL;
}

/* Which reactor serves a connection; NULL: none, for *ret_why. */
static struct reactor *
acceptor_judge(struct acceptor *a, struct arrival *new, enum net_refused *ret_why)
{
    struct listener *l = a->listener;
    const struct sockaddr *peer = (const struct sockaddr *)&new->peer;

    *ret_why = NET_REFUSED_NETWORK;
    if (l->config.proxy && !proxy_policy_admits(l->config.proxy, peer))
        return NULL;
    *ret_why = NET_REFUSED_LIMIT;
    if (!new->placed && !admission_claim(&l->admission))
        return NULL;
    new->placed = true;
    *ret_why = NET_REFUSED_CLIENT;
    if (!listener_tally(l, peer))
        return NULL;
    new->tallied = true;
    *ret_why = NET_REFUSED_HANDLER;
    return unlikely(l->config.stream->on_accept) ? acceptor_ask(a, new) : l->config.serve;
}

static void
acceptor_admit(struct acceptor *a, struct arrival *new, uint64_t now_ns)
{
    enum net_refused why;
    struct reactor *r = acceptor_judge(a, new, &why);

    if (likely(r != NULL)) {
        metric_add(&a->poller->metrics->accepted, 1);
        balance_place(net_of(a->poller)->balance, a->listener, r, new->fd, &new->peer, now_ns);
        return;
    }
    acceptor_count(a, why);
    if (new->tallied)
        listener_untally(a->listener, (const struct sockaddr *)&new->peer);
    if (new->placed)
        admission_release(&a->listener->admission); /* first, because a client that sees the end may
                                                       come again at once */
    fd_close(new->fd);
}

/* Returns false if no connection waits, or none can be taken now. */
static bool
acceptor_take(struct acceptor *a, uint64_t now_ns)
{
    struct listener *l = a->listener;
    bool waits = atomic_load_explicit(&l->over_limit, memory_order_relaxed) == LISTENER_WAIT;
    struct arrival new;

    /* Where the one too many is to wait, its place is claimed before it is accepted: two pollers
     * may see the last one free. */
    if (waits && !admission_claim(&l->admission)) {
        acceptor_hold(a);
        admission_wait(&l->admission, a->waiter);
        return false;
    }
    new.placed = waits;
    new.tallied = false;
    new.len = sizeof(new.peer);
    new.fd =
        accept4(a->watch.fd, (struct sockaddr *)&new.peer, &new.len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (new.fd >= 0) {
        acceptor_admit(a, &new, now_ns);
        return true;
    }
    if (new.placed)
        admission_release(&l->admission);
    return acceptor_failed(a, errno);
}

static void
acceptor_event(struct watch *w, uint32_t events)
{
    struct acceptor *a = container_of(w, struct acceptor, watch);
    uint64_t now_ns = clock_now_ns();

    (void)events;
    for (unsigned n = 0; n < a->poller->config.accepts_max; n++)
        if (!acceptor_take(a, now_ns))
            break;
}

/* Take all connections that wait in the socket's queue, because no other poller may come for them.
 * New ones may arrive as fast as they are taken, so the loop has a limit. */
static void
acceptor_empty(struct acceptor *a)
{
    uint64_t now_ns = clock_now_ns();

    for (unsigned n = 0; n < ACCEPT_LAST_MAX; n++)
        if (!acceptor_take(a, now_ns))
            break;
}

static uint32_t
acceptor_events(const struct acceptor *a)
{
    return a->listener->shared ? EPOLLIN | EPOLLEXCLUSIVE : EPOLLIN;
}

/* In an episode it tries without an event, because epoll does not report that the queue is empty.
 */
static void
acceptor_retry(struct timer *t, uint64_t now_ns)
{
    struct acceptor *a = container_of(t, struct acceptor, retry);

    (void)now_ns;
    if (poller_rewatch(a->poller, &a->watch, acceptor_events(a)) < 0) {
        acceptor_hold(a);
        return;
    }
    if (!a->paused)
        return;
    a->calm++;
    acceptor_event(&a->watch, EPOLLIN);
    if (a->paused)
        poller_arm(a->poller, &a->retry, ACCEPT_RETRY_NS);
}

/* A place may be free. In an episode of failures the timer tries; the next in line may have it. */
static void
acceptor_woken(struct admission_waiter *w)
{
    struct acceptor *a = w->acceptor;

    if (!a->watch.id)
        return; /* closed since */
    if (a->paused || poller_rewatch(a->poller, &a->watch, acceptor_events(a)) < 0) {
        admission_wake(&a->listener->admission);
        return;
    }
    timer_cancel(&a->poller->timers, &a->retry);
    acceptor_event(&a->watch, EPOLLIN);
}

/* ---- Limits ---------------------------------------------------------------------------------- */

static void
listener_set_limits(struct listener *l, const struct listener_limits *limits)
{
    l->conn_limits_at = !l->conn_limits_at;
    l->conn_limits[l->conn_limits_at] = limits->conn;
    atomic_store(&l->admission.max, limits->connections_max);
    atomic_store_explicit(&l->over_limit, limits->over_limit, memory_order_relaxed);
    atomic_store_explicit(&l->imbalance_percent, limits->imbalance_percent, memory_order_relaxed);
    admission_wake(&l->admission);
}

static void
listener_limit_on(struct poller *p, void *arg)
{
    struct listener *l = arg;

    if (l->services[p->index])
        service_limit(l->services[p->index], &l->conn_limits[l->conn_limits_at]);
}

static void
listener_limit_conn(struct conn *c, void *arg)
{
    const struct listener *l = arg;

    if (c->service->listener == l->config.name)
        conn_limits_changed(c);
}

static void
listener_limit_in(struct listener *l, struct reactor *r, bool same)
{
    reactor_call(r, listener_limit_on, l);
    if (!same)
        net_walk_all(r, listener_limit_conn, l);
}

/* When all pollers have changed over, the other block is unused. */
void
listener_limit(struct listener *l, const struct listener_limits *limits)
{
    const struct conn_limits *old = &l->conn_limits[l->conn_limits_at];
    bool same = memcmp(old, &limits->conn, sizeof(*old)) == 0;

    listener_set_limits(l, limits);
    listener_limit_in(l, l->config.serve, same);
    for (unsigned i = 0; i < l->config.reactor_count; i++)
        if (l->config.reactors[i] != l->config.serve &&
            listener_may_serve(l, l->config.reactors[i]))
            listener_limit_in(l, l->config.reactors[i], same);
}

/* ---- Making and freeing ---------------------------------------------------------------------- */

unsigned
listener_steer_cpus(const struct listener_config *config, uint16_t *cpus)
{
    const struct reactor *r = config->accept;

    if (!config->steer || config->mode != LISTENER_REUSEPORT || r->count < 2)
        return 0;
    for (unsigned i = 0; i < r->count; i++) {
        if (r->pollers[i]->cpu < 0)
            return 0;
        cpus[i] = (uint16_t)r->pollers[i]->cpu;
    }
    return r->count;
}

/* The process that holds the sockets for all workers steers them, when this worker is ready. */
static bool
listener_is_steered(const struct listener *l)
{
    uint16_t cpus[POLLERS_MAX];

    return listener_steer_cpus(&l->config, cpus) > 0 && listen_can_steer(l->fds, l->fd_count);
}

int
listener_new(const struct listener_config *config, const struct address *bound, const int *fds,
             unsigned count, struct listener **ret, struct err *reterr)
{
    struct listener *l = aligned_alloc(64, (sizeof(*l) + 63) & ~(size_t)63);
    int r;

    if (!l)
        return err_set(reterr, -ENOMEM, "no memory for listener %s", config->name);
    memset(l, 0, sizeof(*l));
    l->config = *config;
    listener_set_limits(l, &config->limits);
    l->address = *bound;
    l->fd_count = count;
    l->shared = config->mode == LISTENER_REUSEPORT && count < 2 && config->accept->count > 1;
    l->fds = calloc(count, sizeof(*l->fds));
    l->acceptor_count = l->shared ? config->accept->count : count;
    l->acceptors = calloc(l->acceptor_count, sizeof(*l->acceptors));
    if (!l->fds || !l->acceptors || admission_init(&l->admission, l->acceptor_count) < 0) {
        l->fd_count = 0;
        listener_free(l);
        return err_set(reterr, -ENOMEM, "no memory for listener %s", config->name);
    }
    memcpy(l->fds, fds, count * sizeof(*fds));
    l->steered = listener_is_steered(l);
    r = config->client_max > 0 ? tally_new(&l->clients) : 0;
    if (r < 0) {
        l->fd_count = 0; /* they stay the caller's */
        listener_free(l);
        return err_set_errno(reterr, r, "listener %s cannot count its clients", config->name);
    }
    *ret = l;
    return 0;
}

void
listener_free(struct listener *l)
{
    if (!l)
        return;
    for (size_t i = 0; i < ARRAY_LEN(l->services); i++)
        service_free(l->services[i]);
    for (unsigned i = 0; i < l->fd_count; i++)
        fd_close(l->fds[i]);
    free(l->fds);
    free(l->acceptors);
    admission_fini(&l->admission);
    tally_free(l->clients);
    free(l);
}

bool
listener_may_serve(const struct listener *l, const struct reactor *r)
{
    return r == l->config.serve || l->config.stream->on_accept;
}

int
listener_serve(struct listener *l, struct poller *p, void *local)
{
    struct service_handler handler = {l->config.stream, l->config.instance, local, l->config.owner};
    struct service *s;
    int r = service_new(net_of(p), &handler, l->config.transport,
                        &l->conn_limits[l->conn_limits_at], &s);

    if (r < 0)
        return r;
    if (l->config.tls && tls_serve(s, l->config.tls) < 0) {
        service_free(s);
        return -ENOMEM;
    }
    s->listener = l->config.name;
    s->on_gone = listener_conn_gone;
    s->on_gone_arg = l;
    s->proxy = l->config.proxy;
    if (s->proxy)
        service_begin_with(s, &prologue_proxied);
    s->clients = l->clients;
    s->client_max = l->config.client_max;
    l->services[p->index] = s;
    return 0;
}

/* Which of the accepting pollers watches that acceptor's socket. */
static struct poller *
listener_acceptor_poller(const struct listener *l, unsigned i)
{
    const struct reactor *r = l->config.accept;

    return l->config.mode == LISTENER_ACCEPTOR ? r->pollers[0] : r->pollers[i % r->count];
}

int
listener_listen(const struct listener *l, int backlog, struct err *reterr)
{
    for (unsigned i = 0; i < l->fd_count; i++)
        if (listen(l->fds[i], backlog) < 0)
            return err_set_errno(reterr, -errno, "listener %s: cannot listen", l->config.name);
    return 0;
}

int
listener_accept(struct listener *l, struct poller *p, struct err *reterr)
{
    int r = balance_begin(net_of(p));

    if (r < 0)
        return err_set_errno(reterr, r, "listener %s cannot accept", l->config.name);
    for (unsigned i = 0; i < l->acceptor_count; i++) {
        struct acceptor *a = &l->acceptors[i];

        if (listener_acceptor_poller(l, i) != p)
            continue;
        a->listener = l;
        a->poller = p;
        a->retry.fn = acceptor_retry;
        a->waiter = &l->admission.waiters[i];
        *a->waiter = (struct admission_waiter){.poller = p, .fn = acceptor_woken, .acceptor = a};
        r = poller_watch(p, &a->watch, l->fds[l->shared ? 0 : i], acceptor_events(a),
                         acceptor_event);
        if (r < 0)
            return err_set_errno(reterr, r, "cannot watch the socket of listener %s",
                                 l->config.name);
    }
    return 0;
}

void
listener_close(struct listener *l, struct poller *p)
{
    for (unsigned i = 0; i < l->acceptor_count; i++) {
        struct acceptor *a = &l->acceptors[i];

        if (a->poller != p)
            continue;
        acceptor_empty(a);
        admission_leave(&l->admission, a->waiter);
        timer_cancel(&p->timers, &a->retry);
        poller_unwatch(p, &a->watch);
    }
    balance_settle(net_of(p)->balance);
}
