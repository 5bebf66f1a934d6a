/* Sending messages, pings and close frames for an application. */
#pragma once

#include <errno.h>

#include "websocket/compress.h"
#include "websocket/conn.h"

/* These implement the functions of goevd/websocket.h. */
int ws_send_ping(struct goevd_websocket_conn *w, const void *data, size_t len);
int ws_send_close(struct goevd_websocket_conn *w, unsigned code, const char *reason);

/* Inline, because each message passes here. */
static inline int
ws_send_message(struct goevd_websocket_conn *w, int type, const void *data, size_t len)
{
    if (type != GOEVD_WEBSOCKET_TEXT && type != GOEVD_WEBSOCKET_BINARY)
        return -EINVAL;
    if ((w->flags & (WS_CONN_SENDING | WS_CONN_CLOSING | WS_CONN_DONE)) == WS_CONN_SENDING)
        return -EBUSY;
    if (w->begin.terms.server_bits == 0)
        return ws_conn_send(w, (uint8_t)type, data, len);
    return ws_compress_send(w, (uint8_t)type, data, len);
}
