#include "ev/cache.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#define CACHE_CAPACITY_MIN 16

static size_t
cache_home(const struct cache *c, uint64_t id)
{
    /* Fibonacci hashing: the high bits of the product are well mixed. */
    return (size_t)(id * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (c->capacity - 1);
}

/* Where id is, or the empty place where it would go. */
static struct cache_entry *
cache_find(const struct cache *c, uint64_t id)
{
    size_t i = cache_home(c, id);

    while (c->entries[i].value && c->entries[i].id != id)
        i = (i + 1) & (c->capacity - 1);
    return &c->entries[i];
}

static void
cache_entry_free(struct cache_entry *e)
{
    if (e->value && e->free)
        e->free(e->value);
}

void
cache_fini(struct cache *c)
{
    for (size_t i = 0; i < c->capacity; i++)
        cache_entry_free(&c->entries[i]);
    free(c->entries);
    memset(c, 0, sizeof(*c));
}

void *
cache_get(const struct cache *c, uint64_t id)
{
    return c->capacity ? cache_find(c, id)->value : NULL;
}

static int
cache_grow(struct cache *c)
{
    struct cache grown = {.capacity = c->capacity ? c->capacity * 2 : CACHE_CAPACITY_MIN};

    grown.entries = calloc(grown.capacity, sizeof(*grown.entries));
    if (!grown.entries)
        return -ENOMEM;
    for (size_t i = 0; i < c->capacity; i++)
        if (c->entries[i].value)
            *cache_find(&grown, c->entries[i].id) = c->entries[i];
    free(c->entries);
    c->entries = grown.entries;
    c->capacity = grown.capacity;
    return 0;
}

int
cache_set(struct cache *c, uint64_t id, void *value, cache_free_fn free)
{
    struct cache_entry *e;

    assert(value);
    if ((c->count + 1) * 4 > c->capacity * 3 && cache_grow(c) < 0)
        return -ENOMEM;
    e = cache_find(c, id);
    if (!e->value)
        c->count++;
    cache_entry_free(e);
    *e = (struct cache_entry){id, value, free};
    return 0;
}

/* Close the gap at i: move back whatever a search would no longer reach across it. */
static void
cache_close_gap(struct cache *c, size_t gap)
{
    size_t mask = c->capacity - 1;

    for (size_t i = (gap + 1) & mask; c->entries[i].value; i = (i + 1) & mask) {
        size_t home = cache_home(c, c->entries[i].id);

        if (((i - home) & mask) < ((i - gap) & mask))
            continue;
        c->entries[gap] = c->entries[i];
        gap = i;
    }
    c->entries[gap] = (struct cache_entry){0};
}

bool
cache_remove(struct cache *c, uint64_t id)
{
    struct cache_entry *e = c->capacity ? cache_find(c, id) : NULL;

    if (!e || !e->value)
        return false;
    cache_entry_free(e);
    cache_close_gap(c, (size_t)(e - c->entries));
    c->count--;
    return true;
}
