#include "ev/buffers.h"

#include "ev/poison.h"

struct buffer {
    struct buffer *next;
};

/* The list of blocks that hold `bytes`; BUFFER_LISTS and more for those that are never kept. */
static unsigned
buffer_list(size_t bytes)
{
    if (bytes <= BUFFER_BYTES_MIN)
        return 0;
    return (unsigned)(__builtin_clzl(BUFFER_BYTES_MIN - 1) - __builtin_clzl(bytes - 1));
}

static size_t
buffer_list_bytes(unsigned list)
{
    return BUFFER_BYTES_MIN << list;
}

size_t
buffer_size(size_t bytes)
{
    return bytes > BUFFER_BYTES_MAX ? bytes : buffer_list_bytes(buffer_list(bytes));
}

/* The first of a list that is not empty. */
static struct buffer *
buffers_pop(struct buffers *b, unsigned list)
{
    struct buffer *block = b->lists[list];

    unpoison(block, buffer_list_bytes(list));
    b->lists[list] = block->next;
    b->kept -= buffer_list_bytes(list);
    return block;
}

void
buffers_fini(struct buffers *b)
{
    for (unsigned list = 0; list < BUFFER_LISTS; list++)
        while (b->lists[list])
            free(buffers_pop(b, list));
}

void *
buffer_take(struct buffers *b, size_t bytes)
{
    unsigned list = buffer_list(bytes);

    if (list < BUFFER_LISTS) {
        b->asked[list] = b->reused + b->allocated;
        if (likely(b->lists[list] != NULL)) {
            b->reused++;
            return buffers_pop(b, list);
        }
    }
    b->allocated++;
    return malloc(buffer_size(bytes));
}

/* Of the sizes with kept blocks, the one that has been unused for the longest time. */
static unsigned
buffers_stalest(const struct buffers *b)
{
    unsigned stalest = BUFFER_LISTS;

    for (unsigned list = 0; list < BUFFER_LISTS; list++)
        if (b->lists[list] && (stalest == BUFFER_LISTS || b->asked[list] < b->asked[stalest]))
            stalest = list;
    return stalest;
}

/* Make room for one more block; false if it is worth less than the blocks that would have to go.
 * Blocks of a past load must not keep those of the present one out. */
static bool
buffers_make_room(struct buffers *b, unsigned list)
{
    size_t bytes = buffer_list_bytes(list);

    if (bytes > b->cap)
        return false;
    while (b->kept > b->cap - bytes) {
        unsigned stalest = buffers_stalest(b);

        if (b->asked[stalest] >= b->asked[list])
            return false;
        free(buffers_pop(b, stalest));
    }
    return true;
}

void
buffer_give(struct buffers *b, void *block, size_t bytes)
{
    unsigned list = buffer_list(bytes);
    struct buffer *given = block;

    if (!block)
        return;
    if (list >= BUFFER_LISTS || !buffers_make_room(b, list)) {
        free(block);
        return;
    }
    given->next = b->lists[list];
    b->lists[list] = given;
    b->kept += buffer_list_bytes(list);
    poison(block, buffer_list_bytes(list));
}
