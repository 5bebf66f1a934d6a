/* The callback, and its plugin, that a thread is running. The thread itself writes, any other may
 * look, and so may the handler of a fault. */
#pragma once

#include <stdatomic.h>

#include "base/text.h"

/* Whose code it is; lives as long as every thread that may be in it. */
struct place_owner {
    const char *plugin;
    const char *path; /* in the configuration */
    const char *file; /* of its code, as it was loaded */
};

/* A callback that a plugin which hosts others calls; lives as long as its owner. */
struct place_hosted {
    const struct place_owner *owner;
    const char *callback;
};

struct place {
    /* The callback of a hosted plugin within the one below; NULL: none. It stays first, because
     * hosts write it themselves: struct goevd_place of goevd/hosting.h. */
    _Atomic(const struct place_hosted *) hosted;
    _Atomic(const struct place_owner *) owner;
    _Atomic(const char *) callback; /* lives for ever; NULL: goevd's own work */
    _Atomic uint64_t conn_id;       /* 0: none */
    atomic_bool resting;            /* a poller that waits for events, or has no thread */
};

/* This thread's. */
extern OF_THREAD struct place *place_here;

/* Begin and end a callback. They do not nest: callbacks of hosted plugins are `hosted`. */
static inline void
place_enter(struct place *p, const struct place_owner *owner, const char *callback,
            uint64_t conn_id)
{
    atomic_store_explicit(&p->owner, owner, memory_order_relaxed);
    atomic_store_explicit(&p->conn_id, conn_id, memory_order_relaxed);
    atomic_store_explicit(&p->callback, callback, memory_order_relaxed);
}

static inline void
place_leave(struct place *p)
{
    atomic_store_explicit(&p->callback, NULL, memory_order_relaxed);
}

static inline void
place_rest(struct place *p, bool resting)
{
    atomic_store_explicit(&p->resting, resting, memory_order_relaxed);
}

/* [any thread] */
static inline bool
place_rests(const struct place *p)
{
    return atomic_load_explicit(&p->resting, memory_order_relaxed);
}

/* [its thread] The plugin it is in, or NULL: the one that is hosted; the one that goevd has called.
 */
const struct place_owner *place_owner(const struct place *p);
const struct place_owner *place_outer_owner(const struct place *p);

/* [its thread] The innermost callback; NULL: goevd's own work. */
const char *place_callback(const struct place *p);

/* [any thread, signal handler] As in: plugin echo (listeners[0].handler), on_read, connection
 * 0x2a00000001 */
void place_text(const struct place *p, struct text *t);
