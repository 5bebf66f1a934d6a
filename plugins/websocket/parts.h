/* Sending a message in parts, each as a frame. */
#pragma once

#include "websocket/conn.h"

/* Implements goevd_websocket_send_fragment(). */
int ws_parts_send(struct goevd_websocket_conn *w, int type, const void *data, size_t len,
                  unsigned flags);
