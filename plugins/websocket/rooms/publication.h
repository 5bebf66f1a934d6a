/* A message for many connections: framed once, and compressed once per window size. */
#pragma once

#include <stdatomic.h>

#include "websocket/conn.h"

/* The message compressed for one window size; len 0: it does not become shorter. */
struct ws_packed {
    size_t len;
    char bytes[];
};

/* Shared by pollers, output queues and backlogs; reference counted. */
struct ws_publication {
    struct ws_instance *ws;
    atomic_uint holders;
    uint8_t type;
    uint8_t head_len;
    uint16_t room_len; /* 0: for all connections */
    size_t len;        /* length of the message */
    _Atomic(struct ws_packed *)
        packed[WS_DEFLATE_BITS_MAX - WS_DEFLATE_BITS_MIN + 1]; /* NULL: not compressed yet */
    char bytes[]; /* name of the room, head of the frame, message */
};

/* Create a publication with one reference. NULL: out of memory. */
struct ws_publication *ws_publication_new(struct ws_instance *ws, struct goevd_str room,
                                          uint8_t type, const void *data, size_t len);

void ws_publication_hold(struct ws_publication *p);
void ws_publication_drop(struct ws_publication *p);

static inline struct goevd_str
ws_publication_room(const struct ws_publication *p)
{
    return (struct goevd_str){p->bytes, p->room_len};
}

/* Memory of a publication without compressed versions. */
static inline size_t
ws_publication_size(const struct ws_publication *p)
{
    return sizeof(*p) + p->room_len + p->head_len + p->len;
}

/* Queue a publication for a connection. Returns as goevd_websocket_send() does. */
int ws_publication_send(struct ws_publication *p, struct goevd_websocket_conn *w);
