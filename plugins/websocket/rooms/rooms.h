/* Rooms: which connections of a poller are in which, and what is published to them. */
#pragma once

#include "websocket/conn.h"

/* What a poller knows; of that poller alone. */
struct ws_rooms;

/* NULL without memory. */
struct ws_rooms *ws_rooms_new(void);
void ws_rooms_free(struct ws_rooms *rooms);

/* A connection opens, and ends. */
void ws_rooms_add(struct goevd_websocket_conn *w);
void ws_rooms_remove(struct goevd_websocket_conn *w);

/* As the functions of goevd/websocket.h. */
int ws_rooms_join(struct goevd_websocket_conn *w, const char *name, size_t len);
int ws_rooms_leave(struct goevd_websocket_conn *w, const char *name, size_t len);
int ws_rooms_publish(struct ws_instance *ws, const char *name, size_t name_len, int type,
                     const void *data, size_t len);
