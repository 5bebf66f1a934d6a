/* A prerendered reply that the connection has no room for: what is left of it goes out as the
 * client takes it, and the requests behind it wait. */
#pragma once

#include <goevd/plugin.h>

#include "http/h1/state.h"
#include "http/message/util.h"

/* Send a reply in pieces, or the rest of one. With it the connection has HTTP_H1_REST until all has
 * gone out.
 *
 * bytes    copied, len of them.
 * body     behind them, by reference: the options'.
 * Returns  as goevd_conn_write(); with -ENOBUFS the rest waits.
 */
int http_h1_rest_begin(struct goevd_conn *c, struct http_h1_conn *conn, const char *bytes,
                       size_t len, struct http_span body);

/* Let that come behind what waits. 0. */
int http_h1_rest_append(struct http_h1_conn *conn, struct http_span body);

/* There is room again. Returns likewise; unless that is -ENOBUFS, there is no rest any more. */
int http_h1_rest_go_on(struct goevd_conn *c, struct http_h1_conn *conn);

/* Whether it waits. The connection closes after it then: this takes a note of that. */
bool http_h1_rest_closes(struct http_h1_conn *conn);

void http_h1_rest_drop(struct http_h1_conn *conn);
