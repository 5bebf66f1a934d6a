/* A growing byte buffer. Zeroed: empty. */
#pragma once

#include <errno.h>
#include <stdlib.h>

#include "http/message/util.h"

struct http_buffer {
    char *data;
    size_t len;
    size_t room;
};

/* Allocate room for that many bytes. 0 or -ENOMEM. */
static inline int
http_buffer_reserve(struct http_buffer *b, size_t room)
{
    char *data;

    if (room <= b->room)
        return 0;
    room = MAX(MAX(room, b->room * 2), 256);
    data = realloc(b->data, room);
    if (!data)
        return -ENOMEM;
    b->data = data;
    b->room = room;
    return 0;
}

static inline int
http_buffer_append(struct http_buffer *b, const char *data, size_t len)
{
    int r = http_buffer_reserve(b, b->len + len);

    if (r == 0 && len != 0)
        memcpy(b->data + b->len, data, len);
    if (r == 0)
        b->len += len;
    return r;
}

/* Empty the buffer, and free memory beyond `keep` bytes. */
static inline void
http_buffer_clear(struct http_buffer *b, size_t keep)
{
    b->len = 0;
    if (b->room <= keep)
        return;
    free(b->data);
    *b = (struct http_buffer){0};
}
