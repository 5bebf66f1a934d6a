/* Whether the peer is still there, and what time ends: pings, close frames that are not answered,
 * and connections that leave when goevd stops. */
#pragma once

#include "websocket/conn.h"

/* Silence is measured from now. */
void live_begin(struct goevd_websocket_conn *w);

/* Something has come. What was asked for starts a new interval. */
static inline void
live_heard(struct goevd_websocket_conn *w)
{
    if ((w->flags & (CONN_PINGED | CONN_CLOSING | CONN_LEAVING)) == CONN_PINGED)
        live_begin(w);
    else
        w->flags |= CONN_HEARD;
}

/* For struct goevd_stream. */
int live_timeout(struct goevd_conn *c, void *state, uint64_t cookie);
int live_stop(struct goevd_conn *c, void *state);
