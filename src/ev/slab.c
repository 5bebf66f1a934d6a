#include "ev/slab.h"

#include <assert.h>
#include <sys/mman.h>

#include "ev/poison.h"

#define SLAB_ALIGN 16

struct slab_object {
    struct slab_object *next;
};

/* At the head of its 64 KiB, which are aligned to 64 KiB, so that an object finds it. */
struct slab_chunk {
    struct slab_chunk *next, *prev; /* in the ring of partial chunks */
    struct slab_object *free;
    uint32_t used;  /* objects in use */
    uint32_t fresh; /* objects that were never used lie from here on, untouched */
};

/* Objects of whole cache lines lie in whole ones. */
#define SLAB_HEAD ((sizeof(struct slab_chunk) + CACHE_LINE - 1) & ~(size_t)(CACHE_LINE - 1))

void
slab_init(struct slab *s, size_t object_bytes)
{
    object_bytes = MAX(object_bytes, sizeof(struct slab_object));
    *s = (struct slab){.object_bytes = (object_bytes + SLAB_ALIGN - 1) & ~(size_t)(SLAB_ALIGN - 1)};
}

static uint32_t
slab_capacity(const struct slab *s)
{
    return (uint32_t)((SLAB_CHUNK_BYTES - SLAB_HEAD) / s->object_bytes);
}

static void
slab_ring_add(struct slab *s, struct slab_chunk *chunk)
{
    if (!s->partial) {
        chunk->next = chunk->prev = s->partial = chunk;
        return;
    }
    chunk->next = s->partial;
    chunk->prev = s->partial->prev;
    chunk->prev->next = chunk->next->prev = chunk;
}

static void
slab_ring_remove(struct slab *s, struct slab_chunk *chunk)
{
    chunk->prev->next = chunk->next;
    chunk->next->prev = chunk->prev;
    if (s->partial == chunk)
        s->partial = chunk->next == chunk ? NULL : chunk->next;
}

/* Aligned memory from malloc would leave as much behind as it gives. mmap(2) yields zeroed pages at
 * some page: of twice the size, the aligned half is kept. */
static void *
slab_map(void)
{
    size_t bytes = SLAB_CHUNK_BYTES, lead;
    char *map = mmap(NULL, 2 * bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (map == MAP_FAILED)
        return NULL;
    lead = -(uintptr_t)map & (bytes - 1);
    if (lead > 0)
        munmap(map, lead);
    munmap(map + lead + bytes, bytes - lead);
    return map + lead;
}

static struct slab_chunk *
slab_chunk_new(struct slab *s)
{
    struct slab_chunk *chunk = slab_map();

    if (!chunk)
        return NULL;
    poison((char *)chunk + SLAB_HEAD, SLAB_CHUNK_BYTES - SLAB_HEAD);
    slab_ring_add(s, chunk);
    s->chunks++;
    return chunk;
}

static void
slab_chunk_free(struct slab *s, struct slab_chunk *chunk)
{
    slab_ring_remove(s, chunk);
    s->chunks--;
    unpoison((char *)chunk + SLAB_HEAD, SLAB_CHUNK_BYTES - SLAB_HEAD);
    munmap(chunk, SLAB_CHUNK_BYTES);
}

void
slab_fini(struct slab *s)
{
    assert(s->objects == 0);
    while (s->partial)
        slab_chunk_free(s, s->partial);
}

static void *
slab_chunk_take(struct slab *s, struct slab_chunk *chunk)
{
    struct slab_object *object = chunk->free;

    if (object) {
        unpoison(object, s->object_bytes);
        chunk->free = object->next;
    } else {
        object = (void *)((char *)chunk + SLAB_HEAD + chunk->fresh++ * s->object_bytes);
        unpoison(object, s->object_bytes);
    }
    return object;
}

void *
slab_alloc(struct slab *s)
{
    struct slab_chunk *chunk;
    void *object;

    if (s->object_bytes > SLAB_OBJECT_MAX) {
        object = malloc(s->object_bytes);
        s->objects += object != NULL;
        return object;
    }
    chunk = s->partial ? s->partial : slab_chunk_new(s);
    if (!chunk)
        return NULL;
    object = slab_chunk_take(s, chunk);
    s->objects++;
    if (++chunk->used == slab_capacity(s))
        slab_ring_remove(s, chunk);
    return object;
}

void
slab_free(struct slab *s, void *object)
{
    struct slab_chunk *chunk = (void *)((uintptr_t)object & ~(uintptr_t)(SLAB_CHUNK_BYTES - 1));
    struct slab_object *freed = object;

    s->objects--;
    if (s->object_bytes > SLAB_OBJECT_MAX) {
        free(object);
        return;
    }
    freed->next = chunk->free;
    chunk->free = freed;
    poison(freed, s->object_bytes);
    if (chunk->used-- == slab_capacity(s))
        slab_ring_add(s, chunk);
    /* One chunk stays, or a single object at the edge would take and return it for ever. */
    if (chunk->used == 0 && chunk->next != chunk)
        slab_chunk_free(s, chunk);
}
