#include "conf/yaml/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define ARENA_BLOCK_BYTES 16384

struct arena_block {
    struct arena_block *next;
    max_align_t data[];
};

void
arena_fini(struct arena *arena)
{
    struct arena_block *block, *next;

    if (!arena)
        return;
    for (block = arena->blocks; block; block = next) {
        next = block->next;
        free(block);
    }
    *arena = (struct arena){0};
}

static bool
arena_grow(struct arena *arena, size_t size)
{
    size_t bytes = MAX(size, (size_t)ARENA_BLOCK_BYTES);
    struct arena_block *block = calloc(1, sizeof(*block) + bytes);

    if (!block)
        return false;
    block->next = arena->blocks;
    arena->blocks = block;
    arena->used = 0;
    arena->size = bytes;
    return true;
}

void *
arena_alloc(struct arena *arena, size_t size)
{
    const size_t align = _Alignof(max_align_t);
    char *memory;

    if (size > SIZE_MAX / 2)
        return NULL;
    size = MAX(size + align - 1, align) / align * align;
    if (size > arena->size - arena->used && !arena_grow(arena, size))
        return NULL;
    memory = (char *)arena->blocks->data + arena->used;
    arena->used += size;
    return memory;
}

void *
arena_alloc_array(struct arena *arena, size_t count, size_t size)
{
    size_t bytes;

    if (__builtin_mul_overflow(count, size, &bytes))
        return NULL;
    return arena_alloc(arena, bytes);
}

void *
arena_copy_array(struct arena *arena, const void *items, size_t count, size_t size)
{
    void *copy = arena_alloc_array(arena, count, size);

    if (copy && count > 0)
        memcpy(copy, items, count * size);
    return copy;
}

char *
arena_copy(struct arena *arena, const char *data, size_t len)
{
    char *copy = arena_alloc(arena, len + 1);

    if (copy && len > 0)
        memcpy(copy, data, len);
    return copy;
}

char *
arena_printf(struct arena *arena, const char *format, ...)
{
    _cleanup_free_ char *text = NULL;
    va_list args;
    int len;

    va_start(args, format);
    len = vasprintf(&text, format, args);
    va_end(args);
    if (len < 0) {
        text = NULL;
        return NULL;
    }
    return arena_copy(arena, text, (size_t)len);
}
