/* HTTP/1.1 on one connection: requests in, replies out in the same order. */
#pragma once

#include <goevd/plugin.h>

#include "http/h1/state.h"

/* Its instance is a struct http, its local a struct http_local. */
extern const struct goevd_stream http_h1_conn_stream;

/* As the `run` of a wire. */
void http_h1_conn_run(struct http_exchange *x);

/* Read on where reading was paused. */
static inline void
http_h1_conn_unpause(struct goevd_conn *c, struct http_h1_conn *conn)
{
    if (!(conn->flags & HTTP_H1_PAUSED))
        return;
    conn->flags &= (uint16_t)~HTTP_H1_PAUSED;
    goevd_conn_resume(c);
}
