/* Bytes that wait, in blocks of their own, so that each is given back when its bytes have gone. */
#ifndef PUSH_QUEUE_H
#define PUSH_QUEUE_H

#include <stddef.h>

struct push_block;

/* Zeroed, it is empty. */
struct push_queue {
    struct push_block *first, *last;
    size_t len; /* bytes in all */
};

/* 0; -ENOMEM, and nothing of it is queued. */
int push_queue_add(struct push_queue *q, const char *data, size_t len);

/* The first bytes, as many as lie in one piece; 0 when the queue is empty. */
size_t push_queue_peek(const struct push_queue *q, const char **ret_data);

/* The first `len` bytes, no more than push_queue_peek() has returned, have gone. */
void push_queue_drop(struct push_queue *q, size_t len);

void push_queue_clear(struct push_queue *q);

#endif
