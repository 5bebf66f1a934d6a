#include "net/conn/service.h"

#include <assert.h>
#include <errno.h>

#include "net/bytes/frame.h"
#include "net/conn/conn_parts.h"

#define STATE_BYTES_MAX 65536

static void
service_join(struct service *s)
{
    s->sibling = s->net->services;
    s->sibling_at = &s->net->services;
    if (s->sibling)
        s->sibling->sibling_at = &s->sibling;
    s->net->services = s;
}

void
service_leave(struct service *s)
{
    if (!s->sibling_at)
        return;
    *s->sibling_at = s->sibling;
    if (s->sibling)
        s->sibling->sibling_at = s->sibling_at;
    s->sibling_at = NULL;
}

void
service_limit(struct service *s, const struct conn_limits *limits)
{
    s->limits = limits;
    s->gather_max = MIN(s->net->write_room, limits->output_high);
    for (struct service *u = s->upgrades; u; u = u->next)
        service_limit(u, limits);
}

int
service_new(struct net *net, const struct service_handler *handler,
            const struct transport *transport, const struct conn_limits *limits,
            struct service **ret)
{
    size_t state_bytes = handler->stream->conn_size;
    struct service *s = calloc(1, sizeof(*s));

    assert(state_bytes <= STATE_BYTES_MAX);
    assert(!handler->stream->framing || limits->frame_max + FRAME_EXTRA_MAX <= limits->tail_max);
    if (!s)
        return -ENOMEM;
    s->net = net;
    s->stream = handler->stream;
    s->on_read = s->stream->framing ? conn_read_frames : s->stream->on_read;
    s->instance = handler->instance;
    s->local = handler->local;
    s->owner = handler->owner;
    s->transport = transport;
    s->origin = s;
    service_limit(s, limits);
    slab_init(&s->slab, sizeof(struct conn) + transport->state_bytes + state_bytes);
    slab_init(&s->own_states, state_bytes);
    service_join(s);
    *ret = s;
    return 0;
}

void
service_begin_with(struct service *s, const struct prologue *prologue)
{
    size_t bytes = s->slab.object_bytes;

    s->prologue = prologue;
    slab_fini(&s->slab);
    slab_init(&s->slab, bytes + prologue->state_bytes);
}

void
service_free(struct service *s)
{
    if (!s)
        return;
    while (s->upgrades) {
        struct service *upgrade = s->upgrades;

        s->upgrades = upgrade->next;
        service_free(upgrade);
    }
    service_leave(s);
    if (s->transport_data_free)
        s->transport_data_free(s->transport_data);
    slab_fini(&s->slab);
    slab_fini(&s->own_states);
    free(s);
}

int
service_upgrade(struct service *s, const struct service_handler *handler, struct service **ret)
{
    int r;

    for (struct service *u = s->upgrades; u; u = u->next)
        if (u->instance == handler->instance && u->stream == handler->stream) {
            *ret = u;
            return 0;
        }
    r = service_new(s->net, handler, s->transport, s->limits, ret);
    if (r < 0)
        return r;
    (*ret)->origin = s->origin;
    (*ret)->prologue = s->prologue;
    (*ret)->listener = s->listener;
    (*ret)->clients = s->clients;
    (*ret)->on_gone = s->on_gone;
    (*ret)->on_gone_arg = s->on_gone_arg;
    (*ret)->next = s->upgrades;
    s->upgrades = *ret;
    return 0;
}
