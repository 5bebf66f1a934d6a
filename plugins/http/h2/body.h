/* The content of a request: from DATA frames to the exchange, as far as its handler takes it. */
#pragma once

#include "http/h2/stream.h"

/* Pass received content to the exchange, and keep the rest. 0; -ENOMEM. */
int http_h2_body_data(struct http_h2_stream *stream, const char *data, size_t len);

/* Pass kept content, and the end of the content, to the exchange. */
void http_h2_body_pass(struct http_h2_stream *stream);

/* After http_exchange_advance() and the like have returned r. */
void http_h2_body_advanced(struct http_h2_stream *stream, int r);

/* The stream has ended early: so has its exchange. */
void http_h2_body_gone(struct http_h2_stream *stream);
