#include "net/conn/net.h"

#include <errno.h>

#include "net/conn/conn_parts.h"

static void net_work(struct task *t);

int
net_new(struct poller *p, size_t tail_max, struct err *reterr)
{
    size_t read_max = p->config.read_buffer_bytes, write_room = p->config.write_buffer_bytes;
    struct net *net = calloc(1, sizeof(*net));

    if (!net)
        return err_set(reterr, -ENOMEM, "no memory for a poller's buffers");
    *net = (struct net){.poller = p,
                        .read_room = MAX(read_max, tail_max),
                        .read_max = read_max,
                        .write_room = write_room};
    net->read_buffer = malloc(net->read_room);
    net->write_buffer = malloc(write_room);
    net->metrics = &net->own_metrics;
    net->work_end = &net->work;
    net->task.fn = net_work;
    slab_init(&net->timer_slab, sizeof(struct conn_timer));
    p->net = net;
    if (net->read_buffer && net->write_buffer)
        return 0;
    net_free(p);
    return err_set(reterr, -ENOMEM, "no memory for a poller's buffers");
}

void
net_free(struct poller *p)
{
    struct net *net = net_of(p);

    if (!net)
        return;
    assert(net->conns == 0);
    net_work(&net->task); /* the dead leave the list */
    while (net->services)
        service_leave(net->services);
    timer_table_fini(&net->timers);
    slab_fini(&net->timer_slab);
    free(net->balance);
    free(net->read_buffer);
    free(net->write_buffer);
    free(net);
    p->net = NULL;
}

/* ---- Work that was put off ------------------------------------------------------------------- */

static void
net_work(struct task *t)
{
    struct net *net = container_of(t, struct net, task);
    struct conn *c = net->work;

    /* What these put off again waits for the next round. */
    net->work = NULL;
    net->work_end = &net->work;
    while (c) {
        struct conn *next = c->next;

        conn_work(c);
        c = next;
    }
}

/* ---- Every connection ------------------------------------------------------------------------ */

bool
net_walk(struct net *net, uint32_t *cursor, uint32_t count, net_walk_fn fn, void *arg)
{
    const struct slots *slots = &net->poller->slots;

    for (; count > 0 && *cursor < slots->used; count--, ++*cursor) {
        struct watch *w = slots_at(slots, *cursor);
        struct conn *c = w ? conn_of_watch(w) : NULL;

        if (c)
            fn(c, arg);
    }
    return *cursor < slots->used;
}

struct walk {
    net_walk_fn fn;
    void *arg;
    uint32_t cursor;
    bool more;
};

static void
net_walk_on(struct poller *p, void *arg)
{
    struct walk *walk = arg;

    walk->more = net_walk(net_of(p), &walk->cursor, NET_WALK_SLOTS, walk->fn, walk->arg);
}

void
net_walk_all(struct reactor *r, net_walk_fn fn, void *arg)
{
    for (unsigned i = 0; i < r->count; i++) {
        struct walk walk = {.fn = fn, .arg = arg};

        do
            reactor_call_one(r, i, net_walk_on, &walk);
        while (walk.more);
    }
}

/* ---- Stopping -------------------------------------------------------------------------------- */

static void
net_each(struct net *net, net_walk_fn fn)
{
    uint32_t cursor = 0;

    net_walk(net, &cursor, UINT32_MAX, fn, NULL);
}

static void
net_tell_empty(struct net *net)
{
    void (*on_empty)(void *arg) = net->on_empty;

    net->on_empty = NULL;
    if (on_empty)
        on_empty(net->on_empty_arg);
}

void
net_conn_gone(struct net *net)
{
    net->conns--;
    if (net->stopping && net->conns == 0)
        net_tell_empty(net);
}

static void
net_stop_one(struct conn *c, void *arg)
{
    (void)arg;
    conn_stop(c);
}

void
net_stop(struct net *net, void (*on_empty)(void *arg), void *arg)
{
    net->stopping = true;
    net->on_empty = on_empty;
    net->on_empty_arg = arg;
    net_each(net, net_stop_one);
    if (net->conns == 0)
        net_tell_empty(net);
}

static void
net_close_one(struct conn *c, void *arg)
{
    (void)arg;
    conn_close(c, GOEVD_CLOSE_NOW, GOEVD_REASON_STOP);
    conn_settle(c);
}

void
net_close_all(struct net *net)
{
    net->closed = true;
    net_each(net, net_close_one);
}
