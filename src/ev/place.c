#include "ev/place.h"

/* Of the main thread, and of those that plugins have made: only faults look at it. */
static struct place place_elsewhere;

OF_THREAD struct place *place_here = &place_elsewhere;

const struct place_owner *
place_owner(const struct place *p)
{
    bool inside = atomic_load_explicit(&p->callback, memory_order_relaxed) != NULL;

    return inside ? atomic_load_explicit(&p->owner, memory_order_relaxed) : NULL;
}

void
place_text(const struct place *p, struct text *t)
{
    const struct place_owner *owner = atomic_load_explicit(&p->owner, memory_order_relaxed);
    const char *callback = atomic_load_explicit(&p->callback, memory_order_relaxed);
    uint64_t conn_id = atomic_load_explicit(&p->conn_id, memory_order_relaxed);

    if (!callback) {
        text_add(t, "in goevd itself, not in a plugin");
        return;
    }
    if (owner) {
        text_add(t, "plugin ");
        text_add(t, owner->plugin);
        text_add(t, " (");
        text_add(t, owner->path);
        text_add(t, "), ");
    }
    text_add(t, callback);
    if (!conn_id)
        return;
    text_add(t, ", connection ");
    text_add_hex(t, conn_id);
}
