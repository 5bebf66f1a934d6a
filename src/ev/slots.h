/* The ids of the objects that a poller watches. An id outlives its object.
 *
 * An id is 8 bits of poller, 22 of slot, 34 of generation. A slot's generation begins at random and
 * moves on at each use, and freed slots rest in a queue before they are used again, so that an old
 * id names nothing instead of another object.
 */
#pragma once

#include <stdint.h>

#include "base/util.h"

#define SLOTS_MAX (1u << 22)
#define SLOTS_CHUNK 1024u
#define SLOTS_REST 256u /* freed slots that rest before the first of them is used again */

struct slots {
    uint64_t *chunks[SLOTS_MAX / SLOTS_CHUNK];
    unsigned poller;
    uint32_t used;  /* slots that exist */
    uint32_t live;  /* of these, those that name something */
    uint32_t first; /* oldest free slot; valid while used > live */
    uint32_t last;  /* newest free slot */
};

void slots_init(struct slots *s, unsigned poller);
void slots_fini(struct slots *s);

/* Name an owner: 0 with *ret_id, never 0; -ENOMEM, also when all slots are live. */
int slots_claim(struct slots *s, void *owner, uint64_t *ret_id);

/* The id names nothing from now on. */
void slots_release(struct slots *s, uint64_t id);

static inline unsigned
slots_id_poller(uint64_t id)
{
    return (unsigned)(id >> 56);
}

static inline uint32_t
slots_id_slot(uint64_t id)
{
    return (uint32_t)(id >> 34) & (SLOTS_MAX - 1);
}

static inline size_t
slots_bytes(const struct slots *s)
{
    return ((size_t)s->used + SLOTS_CHUNK - 1) / SLOTS_CHUNK * SLOTS_CHUNK * sizeof(**s->chunks);
}

/* The present owner of the slot of this id, or NULL; the caller compares the owner's own id. */
static inline void *
slots_at(const struct slots *s, uint32_t slot)
{
    uint64_t *chunk = s->chunks[slot / SLOTS_CHUNK];
    uint64_t word = chunk ? chunk[slot % SLOTS_CHUNK] : 1;

    return word & 1 ? NULL : (void *)(uintptr_t)word;
}
