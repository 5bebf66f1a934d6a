/* Memory for what is unmasked: of the poller where a message came whole, of the connection where it
 * comes in parts. */
#pragma once

#include "websocket/conn.h"
#include "websocket/message/mask.h"

#define WS_INCOMING_KEEP_MAX 65536 /* bytes that a poller keeps for the next message in parts */

/* Room for one whole message, valid until the next call on this poller; NULL without memory. */
char *ws_incoming_scratch(struct ws_local *l, size_t len);

/* Room for len bytes behind those of the message in parts; NULL without memory. */
char *ws_incoming_room(struct goevd_websocket_conn *w, size_t len);

/* The message in parts is done with, if there is one. */
void ws_incoming_give(struct goevd_websocket_conn *w);
