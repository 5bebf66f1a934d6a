/* Limits that end connections: each has a reason in the close frame, a counter and a line of the
 * log. */
#pragma once

#include "websocket/conn.h"

/* A close frame's code, with the limit that is the cause above it. */
#define WS_LIMITED(code, limit) ((unsigned)(code) | (unsigned)(limit) << 16)
#define WS_LIMITED_CODE(verdict) ((verdict)&0xffff)
#define WS_LIMITED_BY(verdict) ((enum ws_limit)((verdict) >> 16))

/* The reason that the peer gets; "" for none. */
const char *ws_limit_reason(enum ws_limit limit);

/* Count it, and log it at INFO. */
void ws_limit_tell(const struct goevd_websocket_conn *w, enum ws_limit limit);
