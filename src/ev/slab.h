/* Memory for many objects of one size, of one poller: packed without headers, taken from the
 * system in chunks and given back when a chunk is empty. */
#pragma once

#include <stddef.h>

#include "base/util.h"

#define SLAB_CHUNK_BYTES ((size_t)64 << 10)
#define SLAB_OBJECT_MAX (SLAB_CHUNK_BYTES / 4) /* larger ones come from malloc */

struct slab_chunk;

struct slab {
    size_t object_bytes;
    struct slab_chunk *partial; /* chunks with free objects, a ring; NULL: none */
    size_t objects;             /* in use */
    size_t chunks;
};

void slab_init(struct slab *s, size_t object_bytes);
void slab_fini(struct slab *s); /* all objects have been freed */

/* Memory that it has from the system. */
static inline size_t
slab_bytes(const struct slab *s)
{
    return s->chunks > 0 ? s->chunks * SLAB_CHUNK_BYTES : s->objects * s->object_bytes;
}

/* Not zeroed, aligned to 16; NULL without memory. */
void *slab_alloc(struct slab *s);
void slab_free(struct slab *s, void *object);
