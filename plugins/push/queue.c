#include "push/queue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES ((size_t)16384)

struct push_block {
    struct push_block *next;
    size_t begin, end; /* range of waiting bytes */
    char data[BLOCK_BYTES];
};

static struct push_block *
push_block_append(struct push_queue *q)
{
    struct push_block *b = malloc(sizeof(*b));

    if (!b)
        return NULL;
    b->next = NULL;
    b->begin = b->end = 0;
    *(q->last ? &q->last->next : &q->first) = b;
    q->last = b;
    return b;
}

static void
push_block_free_first(struct push_queue *q)
{
    struct push_block *b = q->first;

    q->first = b->next;
    if (!q->first)
        q->last = NULL;
    free(b);
}

/* Blocks behind `last` have been appended for the bytes that did not fit. */
static void
push_queue_undo(struct push_queue *q, struct push_block *last, size_t end)
{
    struct push_block *b = last ? last->next : q->first;

    while (b) {
        struct push_block *next = b->next;

        free(b);
        b = next;
    }
    *(last ? &last->next : &q->first) = NULL;
    q->last = last;
    if (last)
        last->end = end;
}

int
push_queue_add(struct push_queue *q, const char *data, size_t len)
{
    struct push_block *last = q->last, *b = last;
    size_t end = last ? last->end : 0, left = len;

    while (left > 0) {
        size_t n;

        if (!b || b->end == BLOCK_BYTES)
            b = push_block_append(q);
        if (!b) {
            push_queue_undo(q, last, end);
            return -ENOMEM;
        }
        n = BLOCK_BYTES - b->end < left ? BLOCK_BYTES - b->end : left;
        memcpy(b->data + b->end, data + (len - left), n);
        b->end += n;
        left -= n;
    }
    q->len += len;
    return 0;
}

size_t
push_queue_peek(const struct push_queue *q, const char **ret_data)
{
    if (!q->first)
        return 0;
    *ret_data = q->first->data + q->first->begin;
    return q->first->end - q->first->begin;
}

void
push_queue_drop(struct push_queue *q, size_t len)
{
    q->first->begin += len;
    q->len -= len;
    if (q->first->begin == q->first->end)
        push_block_free_first(q);
}

void
push_queue_clear(struct push_queue *q)
{
    while (q->first)
        push_block_free_first(q);
    q->len = 0;
}
