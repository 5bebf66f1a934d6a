#include "ev/heap4.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

/* Unused entries before the first, so that entry 1 begins a cache line. */
#define HEAP4_LEAD 3
/* The first and whole groups of four siblings; entries that are not in use have the greatest key,
 * so that all four can be compared. */
#define HEAP4_CAPACITY_MIN 13

static struct heap4_entry *
heap4_block(const struct heap4 *h)
{
    return h->entries ? h->entries - HEAP4_LEAD : NULL;
}

void
heap4_fini(struct heap4 *h)
{
    free(heap4_block(h));
    memset(h, 0, sizeof(*h));
}

static int
heap4_grow(struct heap4 *h)
{
    uint32_t capacity = h->capacity ? h->capacity * 2 + HEAP4_LEAD : HEAP4_CAPACITY_MIN;
    struct heap4_entry *block;

    if (capacity > HEAP4_MAX)
        return -ENOMEM;
    /* aligned_alloc wants a multiple of the alignment: capacity + lead is one of 4 entries. */
    block = aligned_alloc(CACHE_LINE, (capacity + HEAP4_LEAD) * sizeof(*block));
    if (!block)
        return -ENOMEM;
    if (h->count)
        memcpy(block + HEAP4_LEAD, h->entries, h->count * sizeof(*block));
    free(heap4_block(h));
    h->entries = block + HEAP4_LEAD;
    h->capacity = capacity;
    for (uint32_t i = h->count; i < capacity; i++)
        h->entries[i].key = UINT64_MAX;
    return 0;
}

static void
heap4_put(struct heap4 *h, uint32_t i, struct heap4_entry e)
{
    h->entries[i] = e;
    e.node->place = i + 1;
}

static void
heap4_sift_up(struct heap4 *h, uint32_t i, struct heap4_entry e)
{
    while (i > 0) {
        uint32_t parent = (i - 1) / 4;

        if (h->entries[parent].key <= e.key)
            break;
        heap4_put(h, i, h->entries[parent]);
        i = parent;
    }
    heap4_put(h, i, e);
}

/* The least of four siblings, without branches, because no branch predictor could predict them. */
static uint32_t
heap4_least(const struct heap4_entry *entries, uint32_t first)
{
    const struct heap4_entry *e = entries + first;
    uint32_t a = e[1].key < e[0].key, b = 2 + (e[3].key < e[2].key);

    return first + a + ((b - a) & -(uint32_t)(e[b].key < e[a].key));
}

static void
heap4_sift_down(struct heap4 *h, uint32_t i, struct heap4_entry e)
{
    for (;;) {
        uint32_t child = 4 * i + 1, least;

        if (child >= h->count)
            break;
        /* The grandchildren lie in four cache lines: whichever way it goes, the next step finds its
         * four there. */
        if (4 * child + 1 < h->count)
            for (uint32_t line = 0; line < 4; line++)
                __builtin_prefetch(&h->entries[4 * (child + line) + 1]);
        least = heap4_least(h->entries, child);
        if (e.key <= h->entries[least].key)
            break;
        heap4_put(h, i, h->entries[least]);
        i = least;
    }
    heap4_put(h, i, e);
}

static void
heap4_settle(struct heap4 *h, uint32_t i, struct heap4_entry e)
{
    if (i > 0 && e.key < h->entries[(i - 1) / 4].key)
        heap4_sift_up(h, i, e);
    else
        heap4_sift_down(h, i, e);
}

int
heap4_insert(struct heap4 *h, struct heap4_node *node, uint64_t key)
{
    struct heap4_entry e = {key, node};
    int r;

    assert(!heap4_has(node));
    if (h->count == h->capacity) {
        r = heap4_grow(h);
        if (r < 0)
            return r;
    }
    heap4_sift_up(h, h->count++, e);
    return 0;
}

void
heap4_remove(struct heap4 *h, struct heap4_node *node)
{
    uint32_t i = node->place - 1;
    struct heap4_entry last;

    assert(node->place && i < h->count && h->entries[i].node == node);
    node->place = 0;
    last = h->entries[--h->count];
    h->entries[h->count].key = UINT64_MAX;
    if (i < h->count)
        heap4_settle(h, i, last);
}

void
heap4_move(struct heap4 *h, struct heap4_node *node, uint64_t key)
{
    struct heap4_entry e = {key, node};
    uint32_t i = node->place - 1;

    assert(node->place && i < h->count && h->entries[i].node == node);
    heap4_settle(h, i, e);
}
