#include "ev/place.h"

/* Of the main thread, and of those that plugins have made: only faults look at it. */
static struct place place_elsewhere;

OF_THREAD struct place *place_here = &place_elsewhere;

/* The innermost callback; owner NULL: goevd's own, or none. */
static struct place_hosted
place_look(const struct place *p)
{
    const char *callback = atomic_load_explicit(&p->callback, memory_order_relaxed);
    const struct place_hosted *hosted = atomic_load_explicit(&p->hosted, memory_order_relaxed);

    if (!callback)
        return (struct place_hosted){NULL, NULL};
    if (hosted)
        return *hosted;
    return (struct place_hosted){atomic_load_explicit(&p->owner, memory_order_relaxed), callback};
}

const struct place_owner *
place_owner(const struct place *p)
{
    return place_look(p).owner;
}

const struct place_owner *
place_outer_owner(const struct place *p)
{
    bool inside = atomic_load_explicit(&p->callback, memory_order_relaxed) != NULL;

    return inside ? atomic_load_explicit(&p->owner, memory_order_relaxed) : NULL;
}

const char *
place_callback(const struct place *p)
{
    return place_look(p).callback;
}

void
place_text(const struct place *p, struct text *t)
{
    uint64_t conn_id = atomic_load_explicit(&p->conn_id, memory_order_relaxed);
    struct place_hosted at = place_look(p);

    if (!at.callback) {
        text_add(t, "in goevd itself, not in a plugin");
        return;
    }
    if (at.owner) {
        text_add(t, "plugin ");
        text_add(t, at.owner->plugin);
        text_add(t, " (");
        text_add(t, at.owner->path);
        text_add(t, "), ");
    }
    text_add(t, at.callback);
    if (!conn_id)
        return;
    text_add(t, ", connection ");
    text_add_hex(t, conn_id);
}
