/* Memory of a configuration, which is freed as a whole. */
#pragma once

#include <goevd/plugin.h>

#include "base/util.h"

struct arena_block;

/* Zeroed is empty and ready. */
struct arena {
    struct arena_block *blocks;
    size_t used; /* bytes taken of the newest block */
    size_t size; /* bytes it has */
};

void arena_fini(struct arena *arena);

/* Zeroed bytes, aligned for any type; NULL without memory. 0 bytes give a valid pointer. */
void *arena_alloc(struct arena *arena, size_t size);

/* The same for count * size bytes; NULL where the product does not fit. */
void *arena_alloc_array(struct arena *arena, size_t count, size_t size);

/* A copy of such an array. */
void *arena_copy_array(struct arena *arena, const void *items, size_t count, size_t size);

/* A copy with a NUL after its end; NULL without memory. */
char *arena_copy(struct arena *arena, const char *data, size_t len);
char *arena_printf(struct arena *arena, const char *format, ...) PRINTF(2, 3);
