/* A prerendered reply that the connection has no room for: what is left of it goes out as the
 * client takes it, and the requests behind it wait. */
#pragma once

#include "http/h1/batch.h"

/* Send a reply in pieces, or the rest of one. With it the connection has HTTP_H1_REST until all has
 * gone out.
 *
 * bytes    copied, len of them.
 * body     behind them, by reference: the options'.
 * Returns  0; -ENOMEM, and nothing has gone out; -EPIPE.
 */
cold int http_h1_rest_begin(struct http_h1_batch *b, const char *bytes, size_t len,
                            struct http_span body);

/* Let that come behind what waits. 0. */
int http_h1_rest_append(struct http_h1_conn *conn, struct http_span body);

/* There is room again. 0: all has gone out; -ENOBUFS: not yet; another negative value: the
 * connection is lost. */
int http_h1_rest_go_on(struct http_h1_batch *b);

/* Whether it waits. The connection closes after it then: this takes a note of that. */
bool http_h1_rest_closes(struct http_h1_conn *conn);

void http_h1_rest_drop(struct http_h1_conn *conn);
