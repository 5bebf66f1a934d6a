#include "ev/slots.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"

/* A live slot's word is its owner's address, whose lowest bit is 0. A free one's holds the bit,
 * the generation of its next use and the free slot behind it. */
#define GENERATION_BITS 34
#define GENERATION_MASK ((UINT64_C(1) << GENERATION_BITS) - 1)
#define NEXT_SHIFT (GENERATION_BITS + 1)

static uint64_t *
slots_word(struct slots *s, uint32_t slot)
{
    return &s->chunks[slot / SLOTS_CHUNK][slot % SLOTS_CHUNK];
}

static uint64_t
slots_free_word(uint64_t generation, uint32_t next)
{
    return (uint64_t)next << NEXT_SHIFT | generation << 1 | 1;
}

void
slots_init(struct slots *s, unsigned poller)
{
    memset(s, 0, sizeof(*s));
    s->poller = poller;
}

void
slots_fini(struct slots *s)
{
    for (size_t i = 0; i < ARRAY_LEN(s->chunks) && s->chunks[i]; i++)
        free(s->chunks[i]);
    memset(s, 0, sizeof(*s));
}

static uint64_t
slots_random_generation(void)
{
    uint64_t generation;

    if (getrandom(&generation, sizeof(generation), GRND_NONBLOCK) != sizeof(generation))
        generation = clock_now_ns() * UINT64_C(0x9e3779b97f4a7c15) >> 20;
    return generation & GENERATION_MASK;
}

static int
slots_extend(struct slots *s, uint32_t *ret_slot)
{
    uint64_t **chunk = &s->chunks[s->used / SLOTS_CHUNK];

    if (s->used == SLOTS_MAX)
        return -ENOMEM;
    if (!*chunk) {
        *chunk = malloc(SLOTS_CHUNK * sizeof(**chunk));
        if (!*chunk)
            return -ENOMEM;
        for (uint32_t i = 0; i < SLOTS_CHUNK; i++)
            (*chunk)[i] = slots_free_word(0, 0);
    }
    *ret_slot = s->used++;
    *slots_word(s, *ret_slot) = slots_free_word(slots_random_generation(), 0);
    return 0;
}

static uint32_t
slots_pop(struct slots *s)
{
    uint32_t slot = s->first;

    s->first = (uint32_t)(*slots_word(s, slot) >> NEXT_SHIFT);
    return slot;
}

int
slots_claim(struct slots *s, void *owner, uint64_t *ret_id)
{
    uint64_t generation;
    uint32_t slot;

    assert(owner && ((uintptr_t)owner & 1) == 0);
    if (s->used - s->live > SLOTS_REST || s->used == SLOTS_MAX) {
        if (s->used == s->live)
            return -ENOMEM;
        slot = slots_pop(s);
    } else if (slots_extend(s, &slot) < 0) {
        return -ENOMEM;
    }
    generation = *slots_word(s, slot) >> 1 & GENERATION_MASK;
    generation += generation == 0; /* so that no id is 0 */
    *slots_word(s, slot) = (uint64_t)(uintptr_t)owner;
    s->live++;
    *ret_id = (uint64_t)s->poller << 56 | (uint64_t)slot << GENERATION_BITS | generation;
    return 0;
}

void
slots_release(struct slots *s, uint64_t id)
{
    uint64_t generation = ((id & GENERATION_MASK) + 1) & GENERATION_MASK;
    uint32_t slot = slots_id_slot(id);

    assert(slots_id_poller(id) == s->poller && slots_at(s, slot));
    if (s->used == s->live)
        s->first = slot;
    else
        *slots_word(s, s->last) |= (uint64_t)slot << NEXT_SHIFT;
    *slots_word(s, slot) = slots_free_word(generation, 0);
    s->last = slot;
    s->live--;
}
