/* From any thread to the pollers: calls, and the values of the poller cache that calls bring. */
#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>

#include "plug/host/host_parts.h"

unsigned
host_poller_count(void)
{
    unsigned n = 0;

    while (poller_at(n))
        n++;
    return n;
}

/* A call that is still in a mailbox when the instance has been destroyed has no receiver. */
static void
call_run(struct instance *i, struct poller *p, goevd_call_fn fn, void *arg)
{
    if (!i->created)
        return;
    place_enter(place_here, &i->owner, "call", 0);
    fn((struct goevd_poller *)p, i->locals[p->index], arg);
    place_leave(place_here);
}

/* ---- To all pollers, until they end ---------------------------------------------------------- */

/* Mailboxes cannot refuse a message to all pollers, or some would miss it. So it is refused here:
 * in `posting`, beside the number of threads that post now. */
#define CALLS_ENDED (1u << 31)

static bool
calls_begin(struct plugins *p)
{
    if (!(atomic_fetch_add(&p->posting, 1) & CALLS_ENDED))
        return true;
    atomic_fetch_sub(&p->posting, 1);
    return false;
}

static void
calls_done(struct plugins *p)
{
    atomic_fetch_sub(&p->posting, 1);
}

void
host_calls_end(struct plugins *p)
{
    atomic_fetch_or(&p->posting, CALLS_ENDED);
    while (atomic_load(&p->posting) != CALLS_ENDED)
        sched_yield();
    for (unsigned i = 0; i < host_poller_count(); i++)
        poller_drain(poller_at(i));
}

/* ---- One poller ------------------------------------------------------------------------------ */

struct call {
    struct message message;
    struct instance *instance;
    goevd_call_fn fn;
    void *arg;
};

static void
call_handle(struct message *m, void *consumer)
{
    struct call *call = container_of(m, struct call, message);

    call_run(call->instance, consumer, call->fn, call->arg);
    message_free(call, sizeof(*call));
}

int
host_call(struct goevd_self *self, unsigned poller, goevd_call_fn fn, void *arg)
{
    struct poller *p = poller_at(poller);
    struct call *call;
    int r;

    if (host_checking(self))
        return -ECANCELED;
    if (!p)
        return -EINVAL;
    call = message_new(sizeof(*call));
    if (!call)
        return -ENOMEM;
    *call =
        (struct call){.message.fn = call_handle, .instance = host_self(self), .fn = fn, .arg = arg};
    r = mailbox_try_post(&p->mailbox, &call->message);
    if (r < 0)
        message_free(call, sizeof(*call));
    return r;
}

/* ---- One connection -------------------------------------------------------------------------- */

struct conn_call {
    struct message message;
    struct instance *instance;
    uint64_t conn_id;
    goevd_conn_call_fn fn;
    void *arg;
};

struct conn *
host_conn_find(const struct instance *i, struct poller *p, uint64_t id)
{
    struct conn *c = id ? conn_find(p, id) : NULL;

    if (!c || c->flags & CONN_CLOSING || c->service->instance != i->data)
        return NULL;
    return c;
}

static void
conn_call_run(const struct conn_call *call, struct poller *p)
{
    struct conn *c = host_conn_find(call->instance, p, call->conn_id);

    if (c) {
        conn_enter(c, "call");
        call->fn(conn_public(c), c->state, call->arg);
        conn_leave(c);
    } else {
        place_enter(place_here, &call->instance->owner, "call", 0);
        call->fn(NULL, NULL, call->arg);
        place_leave(place_here);
    }
}

static void
conn_call_handle(struct message *m, void *consumer)
{
    struct conn_call *call = container_of(m, struct conn_call, message);

    if (call->instance->created)
        conn_call_run(call, consumer);
    message_free(call, sizeof(*call));
}

int
host_conn_call(struct goevd_self *self, uint64_t conn_id, goevd_conn_call_fn fn, void *arg)
{
    struct poller *p = poller_at(slots_id_poller(conn_id));
    struct conn_call *call;
    int r;

    if (host_checking(self))
        return -ECANCELED;
    if (!p || !conn_id)
        return -EINVAL;
    call = message_new(sizeof(*call));
    if (!call)
        return -ENOMEM;
    *call = (struct conn_call){.message.fn = conn_call_handle,
                               .instance = host_self(self),
                               .conn_id = conn_id,
                               .fn = fn,
                               .arg = arg};
    r = mailbox_try_post(&p->mailbox, &call->message);
    if (r < 0)
        message_free(call, sizeof(*call));
    return r;
}

/* ---- All of them ----------------------------------------------------------------------------- */

struct call_all;

struct call_node {
    struct message message;
    struct call_all *all;
};

struct call_all {
    struct instance *instance;
    goevd_call_fn fn;
    goevd_called_fn done;
    void *arg;
    atomic_uint left;
    struct call_node nodes[];
};

static void
call_all_handle(struct message *m, void *consumer)
{
    struct call_all *all = container_of(m, struct call_node, message)->all;

    call_run(all->instance, consumer, all->fn, all->arg);
    if (atomic_fetch_sub(&all->left, 1) > 1)
        return;
    if (all->done && all->instance->created) {
        place_enter(place_here, &all->instance->owner, "done of a call", 0);
        all->done(all->arg);
        place_leave(place_here);
    }
    free(all);
}

/* The last of them frees it all, perhaps before this loop looks at it again. */
static void
call_all_post(struct call_all *all, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        struct call_node *node = &all->nodes[i];

        *node = (struct call_node){.message.fn = call_all_handle, .all = all};
        mailbox_post(&poller_at(i)->mailbox, &node->message);
    }
}

int
host_call_all(struct goevd_self *self, goevd_call_fn fn, goevd_called_fn done, void *arg)
{
    struct instance *instance = host_self(self);
    unsigned count = host_poller_count();
    struct call_all *all;

    if (count == 0 || host_checking(self) || !calls_begin(instance->plugins))
        return -ECANCELED;
    all = malloc(sizeof(*all) + count * sizeof(*all->nodes));
    if (all) {
        *all = (struct call_all){.instance = instance, .fn = fn, .done = done, .arg = arg};
        atomic_init(&all->left, count);
        call_all_post(all, count);
    }
    calls_done(instance->plugins);
    return all ? 0 : -ENOMEM;
}

/* ---- The poller cache ------------------------------------------------------------------------ */

/* One block for all pollers; each lets go of it in its own time. */
struct cache_block {
    atomic_uint holders;
    size_t len;
    _Alignas(16) char data[];
};

struct cache_change {
    uint64_t id;
    struct cache_block *block; /* NULL: the id is to stand for nothing */
    atomic_uint left;
    struct cache_node {
        struct message message;
        struct cache_change *change;
    } nodes[];
};

static void
cache_block_release(struct cache_block *block, unsigned holders)
{
    if (atomic_fetch_sub(&block->holders, holders) == holders)
        free(block);
}

static void
cache_let_go(void *value)
{
    cache_block_release(value, 1);
}

/* 0, and the poller holds the block; -ENOMEM, and the old value stays. */
static int
cache_apply(const struct cache_change *change, struct poller *p)
{
    if (change->block)
        return cache_set(&p->cache, change->id, change->block, cache_let_go);
    cache_remove(&p->cache, change->id);
    return 0;
}

static void
cache_handle(struct message *m, void *consumer)
{
    struct cache_change *change = container_of(m, struct cache_node, message)->change;

    if (cache_apply(change, consumer) < 0)
        cache_let_go(change->block);
    if (atomic_fetch_sub(&change->left, 1) == 1)
        free(change);
}

static struct cache_change *
cache_change_new(uint64_t id, const void *data, size_t len, unsigned count)
{
    struct cache_change *change = malloc(sizeof(*change) + count * sizeof(*change->nodes));

    if (!change)
        return NULL;
    change->id = id;
    change->block = NULL;
    atomic_init(&change->left, count);
    if (!data)
        return change;
    change->block = malloc(sizeof(*change->block) + len);
    if (!change->block) {
        free(change);
        return NULL;
    }
    atomic_init(&change->block->holders, count);
    change->block->len = len;
    memcpy(change->block->data, data, len);
    return change;
}

static uint64_t
cache_id(const struct instance *i, uint32_t key)
{
    return (uint64_t)i->number << 32 | key;
}

/* Each poller applies the change in its own time; the last one frees it. */
static void
cache_send(struct cache_change *change, unsigned count)
{
    for (unsigned n = 0; n < count; n++) {
        struct cache_node *node = &change->nodes[n];

        *node = (struct cache_node){.message.fn = cache_handle, .change = change};
        mailbox_post(&poller_at(n)->mailbox, &node->message);
    }
}

/* Before the pollers run, no notification is needed: the values of create are available when
 * poller_start runs. */
static void
cache_apply_all(struct cache_change *change, unsigned count)
{
    unsigned without = 0;

    for (unsigned n = 0; n < count; n++)
        without += cache_apply(change, poller_at(n)) < 0;
    if (without > 0)
        cache_block_release(change->block, without);
    free(change);
}

/* One setter at a time, so that all pollers end with the same value. */
int
host_cache_set(struct goevd_self *self, uint32_t key, const void *data, size_t len)
{
    struct instance *i = host_self(self);
    unsigned count = host_poller_count();
    struct cache_change *change;

    if (!calls_begin(i->plugins))
        return -ECANCELED;
    change = cache_change_new(cache_id(i, key), data, len, count);
    if (change) {
        pthread_mutex_lock(&i->plugins->cache_lock);
        if (i->plugins->running)
            cache_send(change, count);
        else
            cache_apply_all(change, count);
        pthread_mutex_unlock(&i->plugins->cache_lock);
    }
    calls_done(i->plugins);
    return change ? 0 : -ENOMEM;
}

const void *
host_cache_get(struct goevd_self *self, struct goevd_poller *poller, uint32_t key, size_t *ret_len)
{
    const struct cache_block *block =
        cache_get(&host_poller(poller)->cache, cache_id(host_self(self), key));

    if (!block)
        return NULL;
    if (ret_len)
        *ret_len = block->len;
    return block->data;
}
