#include <errno.h>
#include <string.h>

#include "net/conn/conn_parts.h"

static void *
conn_upgraded_state(const struct net *net)
{
    struct slab *states = &net->upgrade_to->own_states;
    void *state = slab_alloc(states);

    if (state)
        memset(state, 0, states->object_bytes);
    if (state && net->upgrade_len > 0)
        memcpy(state, net->upgrade_state, net->upgrade_len);
    return state;
}

int
conn_upgrade(struct conn *c, struct service *to, const void *state, size_t len)
{
    struct net *net = c->service->net;

    if (c->flags & (CONN_CLOSING | CONN_UPGRADING))
        return -EPIPE;
    if (len > to->stream->conn_size)
        return -EINVAL;
    assert(net->entered == c);
    c->flags |= CONN_UPGRADING;
    net->upgrade_to = to;
    net->upgrade_state = state;
    net->upgrade_len = len;
    return 0;
}

void
conn_state_free(struct conn *c)
{
    if (c->flags & CONN_OWN_STATE)
        slab_free(&c->service->own_states, c->state);
    c->flags &= ~(uint32_t)CONN_OWN_STATE;
}

/* The old handler's end and the new one's beginning. */
static void
conn_switch(struct conn *c, struct service *to, void *state)
{
    const struct goevd_stream *old = conn_stream(c);
    struct net *net = c->service->net;

    conn_timers_free(c);
    c->deadline_ns = 0;
    conn_enter(c, "on_close");
    if (old->on_close)
        old->on_close(conn_public(c), c->state, GOEVD_REASON_UPGRADED);
    net->entered = NULL;
    place_leave(&net->poller->place);
    conn_flush_gathered(c);
    conn_state_free(c);
    c->service = to;
    c->state = state;
    c->flags |= CONN_OWN_STATE;
    c->flags &=
        ~(uint32_t)(CONN_PAUSED | CONN_REFUSED | CONN_STOPPING | CONN_STOP_TOLD | CONN_EOF_TOLD);
    conn_need(c, 0);
    if (c->tail || c->flags & CONN_EOF)
        c->flags |= CONN_AGAIN;
    conn_list(c);
    conn_tell_open(c);
}

/* At the end of the callback that asked for it. */
bool
conn_take_upgrade(struct conn *c)
{
    struct net *net = c->service->net;
    struct service *to = net->upgrade_to;
    void *state = conn_upgraded_state(net);
    uint64_t id = c->watch.id;

    net->upgrade_to = NULL;
    c->flags &= ~(uint32_t)CONN_UPGRADING;
    if (!state) {
        conn_fail(c, -ENOMEM);
        return conn_settle(c);
    }
    conn_switch(c, to, state);
    return conn_find(net->poller, id) != NULL;
}
