/* id -> value, for one poller: only its own thread touches it; messages bring the changes. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/util.h"

typedef void (*cache_free_fn)(void *value);

struct cache_entry {
    uint64_t id;
    void *value; /* NULL: the place is empty */
    cache_free_fn free;
};

struct cache {
    struct cache_entry *entries;
    size_t count;
    size_t capacity; /* 0 or a power of two, at least a quarter of it empty */
};

void cache_fini(struct cache *c);

/* The value of id, or NULL. */
void *cache_get(const struct cache *c, uint64_t id);

/* Let id stand for value, which is not NULL and from now on the cache's; free (may be NULL) is
 * called for it when it is replaced, removed or the cache ends. 0; -ENOMEM, and nothing changed. */
int cache_set(struct cache *c, uint64_t id, void *value, cache_free_fn free);

/* True if there was one. */
bool cache_remove(struct cache *c, uint64_t id);
