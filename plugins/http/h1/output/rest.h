/* The queued rest of a prerendered reply that the connection has no room for. The requests behind
 * it wait until the client has taken it. */
#pragma once

#include <goevd/plugin.h>

#include "http/h1/state.h"
#include "http/message/util.h"

/* Send a reply, or the rest of one, in pieces. HTTP_H1_REST is set until all of it is sent.
 *
 * bytes    Copied; len of them.
 * body     Sent after them by reference; owned by the options.
 * Returns  as goevd_conn_write(); -ENOBUFS: the rest is queued.
 */
int http_h1_rest_begin(struct goevd_conn *c, struct http_h1_conn *conn, const char *bytes,
                       size_t len, struct http_span body);

/* Append a body to the queued rest. Returns 0. */
int http_h1_rest_append(struct http_h1_conn *conn, struct http_span body);

/* Send more of the rest after output has drained. Returns likewise; any value but -ENOBUFS: there
 * is no rest any more. */
int http_h1_rest_go_on(struct goevd_conn *c, struct http_h1_conn *conn);

/* Whether a rest is queued. If so, the connection is marked to close once it is sent. */
bool http_h1_rest_closes(struct http_h1_conn *conn);

void http_h1_rest_drop(struct http_h1_conn *conn);
