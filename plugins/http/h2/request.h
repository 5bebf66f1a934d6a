/* Requests with a complete header block: finds and sends the reply. */
#pragma once

#include "http/h2/stream.h"

/* Answer the request of conn->block on a stream, or let a handler have it. */
void http_h2_request_take(struct http_h2_conn *conn, struct http_h2_stream *stream);

/* Answer it with the reply for an enum http_verdict. */
void http_h2_request_refuse(struct http_h2_stream *stream, int verdict, bool head_only);
