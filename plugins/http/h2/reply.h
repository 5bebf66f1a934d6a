/* Heads of replies, and replies that no handler makes. */
#pragma once

#include "http/h2/stream.h"

/* Give libnghttp2 the head of a reply. `bare`: no content follows. 0; -ENOMEM; -EPIPE. */
int http_h2_reply_head(struct http_h2_stream *stream, const struct http_wire_head *head, bool bare);

/* An interim reply. Returns likewise. */
int http_h2_reply_interim(struct http_h2_stream *stream, int status,
                          const struct http_buffer *fields);

/* The trailers that wait in the stream; they end it. 0 or -ENOMEM. */
int http_h2_reply_trailers(struct http_h2_stream *stream);

/* The whole of a reply that is known at start, by its number. 0; -ENOMEM; -EPIPE. */
int http_h2_reply_known(struct http_h2_stream *stream, unsigned number, bool head_only);
