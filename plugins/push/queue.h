/* A queue of bytes in separate blocks, so that each block is freed when its bytes are sent. */
#ifndef PUSH_QUEUE_H
#define PUSH_QUEUE_H

#include <stddef.h>

struct push_block;

/* Zeroed: an empty queue. */
struct push_queue {
    struct push_block *first, *last;
    size_t len; /* bytes in the queue */
};

/* Append bytes. 0; -ENOMEM: nothing was queued. */
int push_queue_add(struct push_queue *q, const char *data, size_t len);

/* The first contiguous bytes. Returns their number; 0: the queue is empty. */
size_t push_queue_peek(const struct push_queue *q, const char **ret_data);

/* Remove the first `len` bytes, at most as many as push_queue_peek() has returned. */
void push_queue_drop(struct push_queue *q, size_t len);

void push_queue_clear(struct push_queue *q);

#endif
