/* A message for many: framed once, and compressed once for each size of window. */
#pragma once

#include <stdatomic.h>

#include "websocket/conn.h"

/* What others read of a message of some window's size; len 0: it gets no shorter. */
struct packed {
    size_t len;
    char bytes[];
};

/* Shared by pollers, connections' queues and backlogs; who holds it last frees it. */
struct publication {
    struct websocket *ws;
    atomic_uint holders;
    uint8_t type;
    uint8_t head_len;
    uint16_t room_len;                                                        /* 0: for all */
    size_t len;                                                               /* of the message */
    _Atomic(struct packed *) packed[DEFLATE_BITS_MAX - DEFLATE_BITS_MIN + 1]; /* NULL: not yet */
    char bytes[]; /* the room's name, the frame's head, the message */
};

/* Held once; NULL without memory. */
struct publication *publication_new(struct websocket *ws, struct goevd_str room, uint8_t type,
                                    const void *data, size_t len);

void publication_hold(struct publication *p);
void publication_drop(struct publication *p);

static inline struct goevd_str
publication_room(const struct publication *p)
{
    return (struct goevd_str){p->bytes, p->room_len};
}

/* Bytes that it takes, uncompressed. */
static inline size_t
publication_size(const struct publication *p)
{
    return sizeof(*p) + p->room_len + p->head_len + p->len;
}

/* Queue it for a connection. Returns as goevd_websocket_send() does. */
int publication_send(struct publication *p, struct goevd_websocket_conn *w);
