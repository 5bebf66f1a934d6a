/* Deadlines of a connection: pings, unanswered close frames, and close frames that are spread out
 * when goevd stops. */
#pragma once

#include "websocket/conn.h"

/* Start the interval after which a silent peer gets a ping. */
void ws_keepalive_begin(struct goevd_websocket_conn *w);

/* The first part of a message has arrived: start the message's deadline. */
void ws_keepalive_message(struct goevd_websocket_conn *w);

/* Data has arrived. It answers a ping, and restarts the interval. */
static inline void
ws_keepalive_heard(struct goevd_websocket_conn *w)
{
    if ((w->flags & (WS_CONN_PINGED | WS_CONN_CLOSING | WS_CONN_LEAVING)) == WS_CONN_PINGED)
        ws_keepalive_begin(w);
    else
        w->flags |= WS_CONN_HEARD;
}

/* Implements on_timeout of struct goevd_stream. */
int ws_keepalive_timeout(struct goevd_conn *c, void *state, uint64_t cookie);
int ws_keepalive_stop(struct goevd_conn *c, void *state);
