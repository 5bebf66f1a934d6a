/* Calls, messages and closes for a connection, from any thread. */
#pragma once

#include <goevd/websocket.h>

/* These implement the functions of goevd/websocket.h. */
int ws_by_id_call(struct goevd_websocket_id id, goevd_websocket_call_fn fn, void *arg);
int ws_by_id_send(struct goevd_websocket_id id, int type, const void *data, size_t len,
                  goevd_release_fn done, void *arg);
int ws_by_id_close(struct goevd_websocket_id id, unsigned code, const char *reason);
