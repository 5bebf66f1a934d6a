#include "plug/host/outgoing.h"

#include <errno.h>
#include <string.h>

#include "base/fd.h"
#include "net/tls/tls.h"

/* ---- Services -------------------------------------------------------------------------------- */

/* How the connections of one handler on one poller are served. */
struct outgoing_service {
    struct outgoing_service *next;
    struct instance *instance;
    const struct goevd_stream *original;
    const struct transport *transport;
    const struct tls_connect *tls;
    struct goevd_stream stream;
    struct service *service;
};

static void
outgoing_gone(void *arg)
{
    struct poller *p = arg;

    atomic_fetch_sub_explicit(&p->load, 1, memory_order_relaxed);
}

/* The handshake of TLS has failed: there will be no connection. */
static void
outgoing_unopened(struct conn *c, enum goevd_reason reason)
{
    const struct transport *transport = c->service->transport;
    const struct goevd_stream *stream = conn_stream(c);
    struct poller *p = conn_poller(c);
    int error = transport->error ? transport->error(c) : 0;

    if (reason == GOEVD_REASON_STOP)
        error = -ECANCELED;
    if (!stream->on_connect_fail)
        return;
    conn_place(c, "on_connect_fail");
    stream->on_connect_fail(c->service->instance, (struct goevd_poller *)p, c->state,
                            error ? error : -EPROTO);
    place_leave(&p->place);
}

static struct outgoing_service *
outgoing_service_new(const struct outgoing *o, struct poller *p, const struct transport *transport)
{
    struct instance *i = o->instance;
    struct outgoing_service *s = calloc(1, sizeof(*s));
    struct service_handler handler = {&s->stream, i->data, i->locals[p->index], &i->owner};

    if (!s)
        return NULL;
    s->instance = i;
    s->original = o->original;
    s->transport = transport;
    s->tls = o->tls;
    s->stream = o->stream;
    if (service_new(net_of(p), &handler, transport, net_of(p)->outgoing, &s->service) < 0) {
        free(s);
        return NULL;
    }
    if (o->tls && tls_connect_serve(s->service, o->tls) < 0) {
        service_free(s->service);
        free(s);
        return NULL;
    }
    s->service->on_unopened = outgoing_unopened;
    s->service->on_gone = outgoing_gone;
    s->service->on_gone_arg = p;
    return s;
}

/* Made when it is first needed; NULL without memory. */
static struct service *
outgoing_service(const struct outgoing *o, struct poller *p, const struct transport *transport)
{
    struct outgoing_service **first = &o->instance->plugins->services[p->index], *s;

    for (s = *first; s; s = s->next)
        if (s->instance == o->instance && s->original == o->original && s->transport == transport &&
            s->tls == o->tls)
            return s->service;
    s = outgoing_service_new(o, p, transport);
    if (!s)
        return NULL;
    s->next = *first;
    *first = s;
    return s->service;
}

void
outgoing_services_free(struct outgoing_service *s)
{
    while (s) {
        struct outgoing_service *next = s->next;

        service_free(s->service);
        free(s);
        s = next;
    }
}

/* ---- From a socket to a connection ----------------------------------------------------------- */

int
outgoing_init(struct outgoing *o, struct instance *i, const struct goevd_stream *stream,
              const void *state, size_t state_len)
{
    *o = (struct outgoing){.instance = i, .original = stream, .state_len = state_len};
    if (stream) {
        if (module_copy_stream(&o->stream, stream, i->module->path, NULL) < 0)
            return -EINVAL;
    } else if (i->module->stream) {
        o->stream = *i->module->stream;
    } else {
        return -EINVAL;
    }
    if (state_len > o->stream.conn_size)
        return -EINVAL;
    o->state = calloc(1, MAX(o->stream.conn_size, 1));
    if (!o->state)
        return -ENOMEM;
    if (state_len > 0)
        memcpy(o->state, state, state_len);
    return 0;
}

void
outgoing_fini(struct outgoing *o)
{
    free(o->state);
    o->state = NULL;
}

int
outgoing_open(struct outgoing *o, struct poller *p, int fd, const struct address *peer,
              struct transport_owner *owner)
{
    struct conn_seed seed = {.state = o->state,
                             .state_len = o->state_len,
                             .owner = owner,
                             .deadline_ns = o->tls ? o->deadline_ns : 0};
    const struct transport *transport = o->tls  ? &transport_tls_connect
                                        : owner ? &transport_lent
                                                : &transport_plain;
    bool closed = !p->net || net_of(p)->closed;
    struct service *s;
    int r;

    s = closed ? NULL : outgoing_service(o, p, transport);
    if (!s) {
        fd_close(fd);
        return closed ? -ECANCELED : -ENOMEM;
    }
    atomic_fetch_add_explicit(&p->load, 1, memory_order_relaxed);
    r = conn_open(s, fd, &peer->sa, &seed);
    if (r < 0)
        outgoing_gone(p);
    return r;
}

/* A message that is left in a mailbox when the instance has been destroyed has no receiver. */
void
outgoing_fail(struct outgoing *o, struct poller *p, int error)
{
    struct instance *i = o->instance;

    if (!i->created || !o->stream.on_connect_fail)
        return;
    place_enter(place_here, &i->owner, "on_connect_fail", 0);
    o->stream.on_connect_fail(i->data, (struct goevd_poller *)p, o->state, error);
    place_leave(place_here);
}
