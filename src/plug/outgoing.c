#include "plug/outgoing.h"

#include <errno.h>

#include "base/fd.h"

int
outgoing_stream(const struct instance *i, const struct goevd_stream *stream,
                struct goevd_stream *ret)
{
    if (stream)
        return module_copy_stream(ret, stream, i->module->path, NULL) < 0 ? -EINVAL : 0;
    if (!i->module->stream)
        return -EINVAL;
    *ret = *i->module->stream;
    return 0;
}

static void
outgoing_gone(void *arg)
{
    struct poller *p = arg;

    atomic_fetch_sub_explicit(&p->load, 1, memory_order_relaxed);
}

static int
outgoing_init(struct outgoing *o, struct poller *p)
{
    struct plugins *plugins = o->instance->plugins;
    struct service_handler handler = {&o->stream, o->instance->data, o->instance->locals[p->index]};
    int r = outgoing_stream(o->instance, o->original, &o->stream);

    if (r < 0)
        return r;
    r = service_new(net_of(p), &handler, o->transport, &plugins->outgoing.limits, &o->service);
    if (r < 0)
        return r;
    o->service->on_gone = outgoing_gone;
    o->service->on_gone_arg = p;
    return 0;
}

int
outgoing_find(struct instance *i, struct poller *p, const struct goevd_stream *stream,
              const struct transport *transport, struct outgoing **ret)
{
    struct outgoing **first = &i->plugins->services[p->index], *o;
    int r;

    for (o = *first; o; o = o->next)
        if (o->instance == i && o->original == stream && o->transport == transport) {
            *ret = o;
            return 0;
        }
    o = calloc(1, sizeof(*o));
    if (!o)
        return -ENOMEM;
    o->instance = i;
    o->original = stream;
    o->transport = transport;
    r = outgoing_init(o, p);
    if (r < 0) {
        free(o);
        return r;
    }
    o->next = *first;
    *first = o;
    *ret = o;
    return 0;
}

int
outgoing_open(struct outgoing *o, struct poller *p, int fd, const struct address *peer,
              const struct conn_seed *seed)
{
    int r;

    if (net_of(p)->closed) {
        fd_close(fd);
        return -ECANCELED;
    }
    atomic_fetch_add_explicit(&p->load, 1, memory_order_relaxed);
    r = conn_open(o->service, fd, &peer->sa, seed);
    if (r < 0)
        outgoing_gone(p);
    return r;
}

void
outgoing_free(struct outgoing *o)
{
    while (o) {
        struct outgoing *next = o->next;

        service_free(o->service);
        free(o);
        o = next;
    }
}
