/* Blocks of memory that are needed for a moment and again soon: unread tails, output queues,
 * messages. Each poller keeps those that it is given back, in lists by size, for the next use;
 * blocks beyond the cap go back to malloc. */
#pragma once

#include <stddef.h>

#include "base/util.h"

#define BUFFER_BYTES_MIN ((size_t)64)
#define BUFFER_BYTES_MAX ((size_t)64 << 10) /* larger ones are never kept */
#define BUFFER_LISTS 11                     /* every power of two from one to the other */

struct buffer;

/* Zeroed but for its cap, it is ready. */
struct buffers {
    struct buffer *lists[BUFFER_LISTS];
    uint64_t asked[BUFFER_LISTS]; /* when this size was asked for last, in asks of any size */
    size_t kept;                  /* bytes in the lists */
    size_t cap;                   /* the most that may be; 0: nothing is kept */
    uint64_t reused;              /* blocks that came from a list */
    uint64_t allocated;           /* ... and from malloc */
};

/* Free the kept blocks. */
void buffers_fini(struct buffers *b);

/* The size of the block that buffer_take() returns for `bytes`; all of it may be used. */
size_t buffer_size(size_t bytes);

/* Not zeroed, aligned as by malloc; NULL without memory. */
void *buffer_take(struct buffers *b, size_t bytes);

/* NULL does nothing. `bytes` is the requested size, or anything up to the size of the block. The
 * block may come from another poller's buffers, as messages do. */
void buffer_give(struct buffers *b, void *block, size_t bytes);
