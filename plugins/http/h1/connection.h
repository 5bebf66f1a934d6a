/* HTTP/1.1 on one connection: reads requests and sends replies in the same order. */
#pragma once

#include <goevd/plugin.h>

#include "http/h1/state.h"

/* The instance is a struct http, the poller's local state a struct http_local. */
extern const struct goevd_stream http_h1_conn_stream;

/* Implements `run` of struct http_wire. */
void http_h1_conn_run(struct http_exchange *x);

/* Resume reading if it was paused. */
static inline void
http_h1_conn_unpause(struct goevd_conn *c, struct http_h1_conn *conn)
{
    if (!(conn->flags & HTTP_H1_PAUSED))
        return;
    conn->flags &= (uint16_t)~HTTP_H1_PAUSED;
    goevd_conn_resume(c);
}
