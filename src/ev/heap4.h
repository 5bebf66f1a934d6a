/* A 4-ary min-heap of keys. Nodes are embedded in their owners and know their place, so that any
 * of them can be moved or removed in O(log n). Keys lie beside the pointers: sifting touches no
 * owner but the one it moves. */
#pragma once

#include <stdint.h>

#include "base/util.h"

struct heap4_node {
    uint32_t place; /* 1 + its index in the heap; 0: not in one */
};

struct heap4_entry {
    uint64_t key;
    struct heap4_node *node;
};

struct heap4 {
    struct heap4_entry *entries; /* from index 1 on, every four siblings share a cache line */
    uint32_t count;
    uint32_t capacity;
};

#define HEAP4_MAX (UINT32_MAX / 8)

void heap4_fini(struct heap4 *h);

/* 0; -ENOMEM. `node` is in no heap. */
int heap4_insert(struct heap4 *h, struct heap4_node *node, uint64_t key);

void heap4_remove(struct heap4 *h, struct heap4_node *node);

/* Give a node that is in the heap another key. */
void heap4_move(struct heap4 *h, struct heap4_node *node, uint64_t key);

static inline bool
heap4_has(const struct heap4_node *node)
{
    return node->place != 0;
}

static inline uint64_t
heap4_key(const struct heap4 *h, const struct heap4_node *node)
{
    return h->entries[node->place - 1].key;
}

/* The smallest key, or UINT64_MAX when empty. */
static inline uint64_t
heap4_first_key(const struct heap4 *h)
{
    return h->count ? h->entries[0].key : UINT64_MAX;
}

static inline struct heap4_node *
heap4_first(const struct heap4 *h)
{
    return h->count ? h->entries[0].node : NULL;
}
