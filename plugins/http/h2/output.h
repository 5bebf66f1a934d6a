/* Frames out: from libnghttp2 to the output queue of the connection. */
#pragma once

#include "http/h2/conn.h"

/* Take frames as long as the client and the queue have room for them. 0 or a negative errno: the
 * connection is lost. */
int http_h2_output_pump(struct http_h2_conn *conn);

/* Queue bytes that http_h2_output_pump() has not queued for want of room. Returns as it does. */
int http_h2_output_flush(struct http_h2_conn *conn);

/* Whether the turn may take more from libnghttp2. */
bool http_h2_output_has_room(const struct http_h2_conn *conn);

/* Whether all of it was given to the connection. */
bool http_h2_output_is_empty(const struct http_h2_conn *conn);

/* Bytes of a frame; copied. 0; -ENOMEM. */
int http_h2_output_put(struct http_h2_conn *conn, const char *data, size_t len);

/* Put the first len bytes of a segment behind the earlier output. 0; a negative errno. */
int http_h2_output_put_segment(struct http_h2_conn *conn, struct http_segment *s, size_t len);

/* The connection is closed. */
void http_h2_output_fini(struct http_h2_conn *conn);

/* Whether a stream has waited so long that even a small piece of it goes out. */
bool http_h2_output_is_late(const struct http_h2_stream *stream);
