/* Rooms: which connections of a poller are in which, and what is published to them. */
#pragma once

#include "websocket/conn.h"

/* What a poller knows; of that poller alone. */
struct rooms;

/* NULL without memory. */
struct rooms *rooms_new(void);
void rooms_free(struct rooms *rooms);

/* A connection opens, and ends. */
void rooms_add(struct goevd_websocket_conn *w);
void rooms_remove(struct goevd_websocket_conn *w);

/* As the functions of goevd/websocket.h. */
int rooms_join(struct goevd_websocket_conn *w, const char *name, size_t len);
int rooms_leave(struct goevd_websocket_conn *w, const char *name, size_t len);
int rooms_publish(struct websocket *ws, const char *name, size_t name_len, int type,
                  const void *data, size_t len);

/* The socket has taken most: send what has waited. Returns whether nothing of that stands between
 * the application and the peer. */
bool rooms_drained(struct goevd_websocket_conn *w);

/* A message that went out part by part has ended: send what has waited for that. */
void rooms_resume(struct goevd_websocket_conn *w);
