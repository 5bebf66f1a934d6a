/* HTTP/1.1 on one connection: requests in, replies out in the same order. */
#pragma once

#include <goevd/plugin.h>

#include "http/h1/state.h"

/* Its instance is a struct http, its local a struct http_local. */
extern const struct goevd_stream conn_stream;

/* A struct http_local: see to exchanges that were changed outside of a turn. */
void conn_kick(struct goevd_timer *timer, void *local);

/* Read on where reading was paused. */
static inline void
conn_unpause(struct goevd_conn *c, struct conn *conn)
{
    if ((conn->flags & CONN_PAUSED) == 0)
        return;
    conn->flags &= (uint16_t)~CONN_PAUSED;
    goevd_conn_resume(c);
}
