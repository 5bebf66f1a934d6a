/* Limits that close connections: each has a reason in the close frame, a counter and a log line. */
#pragma once

#include "websocket/conn.h"

/* A close code, and in the upper half the limit that caused it. */
#define WS_LIMITED(code, limit) ((unsigned)(code) | (unsigned)(limit) << 16)
#define WS_LIMITED_CODE(verdict) ((verdict)&0xffff)
#define WS_LIMITED_BY(verdict) ((enum ws_limit)((verdict) >> 16))

/* The reason in the close frame; "" for none. */
const char *ws_limit_reason(enum ws_limit limit);

/* Count the limit, and log it at INFO. */
void ws_limit_tell(const struct goevd_websocket_conn *w, enum ws_limit limit);
