/* Rooms of one poller: memberships of connections, and delivery of publications. */
#pragma once

#include "websocket/conn.h"

/* Accessed by its poller only. */
struct ws_rooms;

/* NULL: out of memory. */
struct ws_rooms *ws_rooms_new(void);
void ws_rooms_free(struct ws_rooms *rooms);

/* Add an open connection, and remove it at its end. */
void ws_rooms_add(struct goevd_websocket_conn *w);
void ws_rooms_remove(struct goevd_websocket_conn *w);

/* These implement the functions of goevd/websocket.h. */
int ws_rooms_join(struct goevd_websocket_conn *w, const char *name, size_t len);
int ws_rooms_leave(struct goevd_websocket_conn *w, const char *name, size_t len);
int ws_rooms_publish(struct ws_instance *ws, const char *name, size_t name_len, int type,
                     const void *data, size_t len);
