/* A message that goes out part by part, in a frame for each. */
#pragma once

#include "websocket/conn.h"

/* As goevd_websocket_send_fragment(). */
int ws_parts_send(struct goevd_websocket_conn *w, int type, const void *data, size_t len,
                  unsigned flags);
