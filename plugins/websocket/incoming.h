/* Buffers for unmasked payload: the poller's for a message that arrives whole, the connection's for
 * a message in parts. */
#pragma once

#include "websocket/conn.h"
#include "websocket/message/mask.h"

#define WS_INCOMING_KEEP_MAX 65536 /* largest buffer that a poller keeps */

/* Room for one whole message, valid until the next call on this poller. NULL: out of memory. */
char *ws_incoming_scratch(struct ws_local *l, size_t len);

/* Room for len bytes behind the received part of the message. NULL: out of memory. */
char *ws_incoming_room(struct goevd_websocket_conn *w, size_t len);

/* Free the buffer of the message in parts, if there is one. */
void ws_incoming_give(struct goevd_websocket_conn *w);
