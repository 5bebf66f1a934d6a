/* Whether the peer is still there, and what time ends: pings, close frames that are not answered,
 * and connections that leave when goevd stops. */
#pragma once

#include "websocket/conn.h"

/* Silence is measured from now. */
void ws_keepalive_begin(struct goevd_websocket_conn *w);

/* A message begins, and has not come whole: its time counts from now. */
void ws_keepalive_message(struct goevd_websocket_conn *w);

/* Something has come. What was asked for starts a new interval. */
static inline void
ws_keepalive_heard(struct goevd_websocket_conn *w)
{
    if ((w->flags & (WS_CONN_PINGED | WS_CONN_CLOSING | WS_CONN_LEAVING)) == WS_CONN_PINGED)
        ws_keepalive_begin(w);
    else
        w->flags |= WS_CONN_HEARD;
}

/* For struct goevd_stream. */
int ws_keepalive_timeout(struct goevd_conn *c, void *state, uint64_t cookie);
int ws_keepalive_stop(struct goevd_conn *c, void *state);
