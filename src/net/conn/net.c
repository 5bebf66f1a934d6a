#include "net/conn/net.h"

#include <errno.h>

#include "net/conn/conn_parts.h"

#define NET_WORK_MAX 1024   /* connections with work left that have their turn in a round */
#define NET_STOP_SLOTS 8192 /* slots visited in a round of a stop */

static void net_work(struct task *t);
static void net_stop_some(struct task *t);

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
    net->stop_task.fn = net_stop_some;
    slab_init(&net->timer_slab, sizeof(struct conn_timer));
    pipes_init(&net->pipes, p);
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
    while (net->work)
        net_work(&net->task); /* the dead leave the list */
    while (net->services)
        service_leave(net->services);
    pipes_fini(&net->pipes);
    timer_table_fini(&net->timers);
    slab_fini(&net->timer_slab);
    if (net->tls)
        net->tls_free(net->tls);
    free(net->balance);
    free(net->read_buffer);
    free(net->write_buffer);
    free(net);
    p->net = NULL;
}

/* ---- Work that was put off ------------------------------------------------------------------- */

/* A limited number in a round, because a stop gives work to all. Connections that these put off
 * again wait for the next round. */
static void
net_work(struct task *t)
{
    struct net *net = container_of(t, struct net, task);
    struct conn *const *last = net->work_end;
    bool more = net->work != NULL;

    for (unsigned n = 0; more && n < NET_WORK_MAX; n++) {
        struct conn *c = net->work;

        more = &c->next != last;
        net->work = c->next;
        if (!net->work)
            net->work_end = &net->work;
        conn_work(c);
    }
    if (net->work)
        poller_defer(net->poller, &net->task);
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

    walk->more = p->net && net_walk(net_of(p), &walk->cursor, NET_WALK_SLOTS, walk->fn, walk->arg);
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

static void
net_stop_some(struct task *t)
{
    struct net *net = container_of(t, struct net, stop_task);

    if (net_walk(net, &net->stop_cursor, NET_STOP_SLOTS, net_stop_one, NULL))
        poller_defer(net->poller, t);
}

void
net_stop(struct net *net, void (*on_empty)(void *arg), void *arg)
{
    net->stopping = true;
    net->on_empty = on_empty;
    net->on_empty_arg = arg;
    net_stop_some(&net->stop_task);
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

static void
net_close_on(struct poller *p, void *arg)
{
    (void)arg;
    if (p->net)
        net_of(p)->closed = true;
}

void
net_close_reactor(struct reactor *r)
{
    reactor_call(r, net_close_on, NULL);
    net_walk_all(r, net_close_one, NULL);
}
