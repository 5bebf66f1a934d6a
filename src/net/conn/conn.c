#include "net/conn/conn_parts.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"

static_assert(sizeof(struct conn) <= 144, "an idle connection costs more than it should");
static_assert(sizeof(struct conn) % 16 == 0, "the state behind a connection is misaligned");

/* Whatever makes the end of a callback more than a return. */
#define CONN_ATTENTION                                                                             \
    (CONN_CLOSING | CONN_SHUT | CONN_PAUSED | CONN_THROTTLED | CONN_EOF | CONN_AGAIN |             \
     CONN_UPGRADING | CONN_REFUSED)

struct conn *
conn_of_watch(struct watch *w)
{
    return w->fn == conn_event ? container_of(w, struct conn, watch) : NULL;
}

struct conn *
conn_find(struct poller *p, uint64_t id)
{
    struct watch *w = poller_find(p, id);

    return w ? conn_of_watch(w) : NULL;
}

/* ---- Callbacks ------------------------------------------------------------------------------- */

bool
conn_result_wrong(const struct conn *c, int64_t r, const char *may)
{
    const struct net *net = c->service->net;

    if (r > 0 && net->on_wrong_result)
        net->on_wrong_result(r, may);
    return true;
}

bool
conn_leave(struct conn *c)
{
    struct net *net = c->service->net;

    net->entered = NULL;
    place_leave(&net->poller->place);
    if (net->write_len > 0)
        conn_flush_gathered(c);
    if (likely(!(c->flags & CONN_ATTENTION) && !c->outq))
        return true;
    return conn_settle(c);
}

void
conn_list(struct conn *c)
{
    struct net *net = c->service->net;

    if (c->flags & CONN_LISTED)
        return;
    c->flags |= CONN_LISTED;
    c->next = NULL;
    *net->work_end = c;
    net->work_end = &c->next;
    poller_defer(net->poller, &net->task);
}

/* ---- Opening --------------------------------------------------------------------------------- */

void
conn_tell_open(struct conn *c)
{
    const struct goevd_stream *stream = conn_stream(c);

    c->flags |= CONN_OPENED;
    if (stream->on_open) {
        conn_enter(c, "on_open");
        if (conn_result_closes(c, stream->on_open(conn_public(c), c->state)))
            conn_close(c, GOEVD_CLOSE_FLUSH, GOEVD_REASON_HANDLER);
        if (!conn_leave(c))
            return;
    }
    if (c->service->net->stopping)
        conn_stop(c);
}

/* Read the prologue, then run the handshake of the transport. */
static int
conn_prepare(struct conn *c)
{
    const struct service *s = c->service;
    int r = 0;

    if (unlikely(s->prologue != NULL))
        r = s->prologue->read(c);
    if (r < 0)
        return r;
    return s->transport->handshake ? s->transport->handshake(c) : 0;
}

static void
conn_handshake(struct conn *c)
{
    int r = conn_prepare(c);

    if (r == 0)
        conn_tell_open(c);
    else if (r == -EAGAIN)
        conn_interest(c);
    else
        conn_fail(c, r);
}

static struct conn *
conn_new(struct service *s, const struct sockaddr *peer, const struct conn_seed *seed)
{
    size_t bytes = s->slab.object_bytes;
    struct conn *c = slab_alloc(&s->slab);

    if (!c)
        return NULL;
    memset(c, 0, bytes);
    c->service = s;
    c->state =
        (char *)(c + 1) + s->transport->state_bytes + (s->prologue ? s->prologue->state_bytes : 0);
    c->active_tick = net_tick(s->net);
    c->timer.fn = conn_timer_due;
    c->timer.note = conn_age_clock(s->net);
    conn_address_set(&c->peer, peer);
    if (seed)
        c->deadline_ns = seed->deadline_ns;
    if (seed && seed->tallied)
        c->flags |= CONN_TALLIED;
    if (seed && seed->state_len > 0)
        memcpy(c->state, seed->state, seed->state_len);
    if (seed && seed->owner)
        *(struct transport_owner **)conn_transport_state(c) = seed->owner;
    return c;
}

/* The first request has often come with the connection: one that is answered and closed at once
 * never joins epoll at all. */
void
conn_begin(struct conn *c)
{
    struct poller *p = conn_poller(c);
    uint64_t id = c->watch.id;

    conn_handshake(c);
    if (conn_find(p, id) != c)
        return;
    if ((c->flags & (CONN_OPENED | CONN_INPUT_OFF)) == CONN_OPENED)
        conn_receive(c);
    if (conn_find(p, id) == c)
        conn_settle(c);
}

int
conn_open(struct service *s, int fd, const struct sockaddr *peer, const struct conn_seed *seed)
{
    struct conn *c = conn_new(s, peer, seed);
    int r = c ? conn_timer_update(c) : -ENOMEM;

    if (r == 0)
        r = poller_watch_muted(s->net->poller, &c->watch, fd, conn_event);
    if (r < 0) {
        if (c)
            timer_cancel(&s->net->poller->timers, &c->timer);
        if (c)
            slab_free(&s->slab, c);
        fd_close(fd);
        return r;
    }
    s->net->conns++;
    metric_add(&s->net->metrics->opened, 1);
    conn_begin(c);
    return 0;
}

/* ---- Events ---------------------------------------------------------------------------------- */

void
conn_interest(struct conn *c)
{
    const struct transport *transport = c->service->transport;
    uint32_t wanted = 0;
    int r;

    /* The tail is delivered again before the next wait: no reason to ask for less until then. */
    if (!(c->flags & (CONN_INPUT_OFF & ~CONN_AGAIN)) || c->flags & CONN_LINGERING)
        wanted |= EPOLLIN;
    if (c->outq && c->flags & CONN_BLOCKED)
        wanted |= EPOLLOUT;
    if (transport->wants)
        wanted |= transport->wants(c);
    if (wanted == 0 && c->flags & CONN_HUNG_UP && poller_muted(&c->watch))
        return;
    r = poller_rewatch(conn_poller(c), &c->watch, wanted);
    if (unlikely(r < 0))
        conn_fail(c, r);
}

static int
conn_socket_error(const struct conn *c)
{
    socklen_t len = sizeof(int);
    int error = 0;

    if (getsockopt(c->watch.fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
        return -errno;
    return -error;
}

/* A hang-up while nothing may be read: an error ends the connection, but a mere end of both
 * directions must wait for unread bytes. Epoll would report it again and again. */
static void
conn_hung_up(struct conn *c)
{
    int error = conn_socket_error(c);

    if (error < 0) {
        conn_fail(c, error);
        conn_settle(c);
        return;
    }
    c->flags |= CONN_HUNG_UP;
    poller_mute(conn_poller(c), &c->watch);
}

static void
conn_event_rare(struct conn *c, uint32_t events)
{
    if (!(c->flags & (CONN_OPENED | CONN_CLOSING))) {
        if (c->outq)
            c->flags &= ~(uint32_t)CONN_BLOCKED;
        conn_begin(c);
        return;
    }
    if (c->flags & CONN_LINGERING) {
        conn_linger_read(c);
        return;
    }
    if (events & (EPOLLOUT | EPOLLERR | EPOLLHUP) && c->outq) {
        c->flags &= ~(uint32_t)CONN_BLOCKED;
        if (!conn_settle(c))
            return;
    }
    if (c->flags & CONN_INPUT_OFF) {
        if (events & (EPOLLERR | EPOLLHUP))
            conn_hung_up(c);
    } else if (events & (EPOLLIN | EPOLLERR | EPOLLHUP)) {
        if (c->flags & CONN_BULK)
            conn_receive_bulk(c);
        else
            conn_receive(c);
    }
}

void
conn_event(struct watch *w, uint32_t events)
{
    struct conn *c = container_of(w, struct conn, watch);

    if (likely(events == EPOLLIN &&
               (c->flags & (CONN_OPENED | CONN_INPUT_OFF | CONN_BULK)) == CONN_OPENED))
        conn_receive(c);
    else
        conn_event_rare(c, events);
}

/* ---- Work that was put off ------------------------------------------------------------------- */

void
conn_stop(struct conn *c)
{
    bool shaking = !(c->flags & CONN_OPENED) && c->deadline_ns > 0;

    /* on_stop waits until the end of a handshake, so that a request behind it is not lost. */
    if (c->flags & CONN_STOPPING || shaking)
        return;
    c->flags |= CONN_STOPPING;
    if (c->flags & CONN_OPENED)
        conn_list(c);
    else
        conn_close(c, GOEVD_CLOSE_NOW, GOEVD_REASON_STOP);
}

static bool
conn_tell_stop(struct conn *c)
{
    const struct goevd_stream *stream = conn_stream(c);

    c->flags |= CONN_STOP_TOLD;
    conn_enter(c, "on_stop");
    if (!stream->on_stop || conn_result_closes(c, stream->on_stop(conn_public(c), c->state)))
        conn_close(c, GOEVD_CLOSE_FLUSH, GOEVD_REASON_STOP);
    return conn_leave(c);
}

static bool
conn_tell_drained(struct conn *c)
{
    const struct goevd_stream *stream = conn_stream(c);

    c->flags &= ~(uint32_t)(CONN_TELL_DRAINED | CONN_THROTTLED);
    if (c->tail || c->flags & CONN_EOF)
        c->flags |= CONN_AGAIN;
    conn_enter(c, "on_drained");
    if (stream->on_drained && conn_result_closes(c, stream->on_drained(conn_public(c), c->state)))
        conn_close(c, GOEVD_CLOSE_FLUSH, GOEVD_REASON_HANDLER);
    return conn_leave(c);
}

static bool
conn_work_callbacks(struct conn *c)
{
    if (c->flags & CONN_STOPPING && !(c->flags & CONN_STOP_TOLD) && !conn_tell_stop(c))
        return false;
    if (c->flags & CONN_TELL_DRAINED && !(c->flags & CONN_CLOSING) && conn_is_drained(c) &&
        !conn_tell_drained(c))
        return false;
    return true;
}

/* Whether the transport holds bytes that epoll will not report. */
static bool
conn_pending(struct conn *c)
{
    const struct transport *transport = c->service->transport;

    return transport->pending && transport->pending(c) > 0;
}

void
conn_work(struct conn *c)
{
    uint64_t id = c->watch.id;
    struct poller *p = conn_poller(c);

    c->flags &= ~(uint32_t)CONN_LISTED;
    if (c->flags & CONN_DEAD) {
        conn_release(c);
        return;
    }
    if (!(c->flags & CONN_CLOSING) && !conn_work_callbacks(c))
        return;
    if (c->flags & CONN_AGAIN && !(c->flags & (CONN_PAUSED | CONN_THROTTLED | CONN_CLOSING)))
        conn_receive_again(c);
    else if (!(c->flags & CONN_INPUT_OFF) && conn_pending(c))
        conn_receive(c);
    if (conn_find(p, id) != c)
        return;
    if (!(c->flags & CONN_INPUT_OFF) && conn_pending(c))
        conn_list(c);
    conn_settle(c);
}

/* ---- Facts ----------------------------------------------------------------------------------- */

void
conn_address_set(struct conn_address *a, const struct sockaddr *sa)
{
    union {
        const struct sockaddr *sa;
        const struct sockaddr_in *in;
        const struct sockaddr_in6 *in6;
    } from = {.sa = sa};

    *a = (struct conn_address){.family = (uint8_t)sa->sa_family};
    if (sa->sa_family == AF_INET) {
        a->port = from.in->sin_port;
        memcpy(a->ip, &from.in->sin_addr, sizeof(from.in->sin_addr));
    } else if (sa->sa_family == AF_INET6) {
        a->port = from.in6->sin6_port;
        a->scope = from.in6->sin6_scope_id;
        memcpy(a->ip, &from.in6->sin6_addr, sizeof(from.in6->sin6_addr));
    }
}

socklen_t
conn_address_get(const struct conn_address *a, struct sockaddr_storage *ret_address)
{
    union {
        struct sockaddr_storage *storage;
        struct sockaddr_in *in;
        struct sockaddr_in6 *in6;
    } to = {.storage = ret_address};

    memset(ret_address, 0, sizeof(*ret_address));
    ret_address->ss_family = a->family;
    if (a->family == AF_INET) {
        to.in->sin_port = a->port;
        memcpy(&to.in->sin_addr, a->ip, sizeof(to.in->sin_addr));
        return sizeof(*to.in);
    }
    if (a->family == AF_INET6) {
        to.in6->sin6_port = a->port;
        to.in6->sin6_scope_id = a->scope;
        memcpy(&to.in6->sin6_addr, a->ip, sizeof(to.in6->sin6_addr));
        return sizeof(*to.in6);
    }
    return sizeof(ret_address->ss_family);
}

socklen_t
conn_peer_address(const struct conn *c, struct sockaddr_storage *ret_address)
{
    return conn_address_get(&c->peer, ret_address);
}

socklen_t
conn_local_address(const struct conn *c, struct sockaddr_storage *ret_address)
{
    const struct prologue *prologue = c->service->prologue;
    socklen_t len = prologue ? prologue->local_address(c, ret_address) : 0;
    struct sockaddr *sa = (struct sockaddr *)ret_address;

    if (len > 0)
        return len;
    len = sizeof(*ret_address);
    return getsockname(c->watch.fd, sa, &len) < 0 ? 0 : len;
}

struct goevd_str
conn_tls(struct conn *c, enum goevd_tls_fact fact)
{
    const struct transport *transport = c->service->transport;

    return transport->fact ? transport->fact(c, fact) : (struct goevd_str){0};
}

socklen_t
conn_proxy_address(const struct conn *c, struct sockaddr_storage *ret_address)
{
    socklen_t len = sizeof(*ret_address);
    struct sockaddr *sa = (struct sockaddr *)ret_address;

    return getpeername(c->watch.fd, sa, &len) < 0 ? 0 : len;
}

int
conn_setsockopt(struct conn *c, int level, int name, const void *value, socklen_t len)
{
    return setsockopt(c->watch.fd, level, name, value, len) < 0 ? -errno : 0;
}
