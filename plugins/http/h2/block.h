/* Header blocks: the fields that libnghttp2 has decoded, and the request that they make. */
#pragma once

#include "http/h2/conn.h"

/* Fields of a request that :authority and the crumbs of its cookie make. */
#define HTTP_H2_BLOCK_OWN_FIELDS 2

/* Another block begins. */
void http_h2_block_begin(struct http_h2_block *block, bool trailers);

/* Add a decoded field. 0; -ENOMEM. */
int http_h2_block_add(struct http_h2_block *block, const struct http_limits *limits,
                      struct http_span name, struct http_span value);

/* Make the request of a complete block.
 *
 * ret      Room for HTTP_H2_BLOCK_OWN_FIELDS more fields than the limit. Its spans point into the
 *          block until the next one begins.
 * ended    The client has sent END_STREAM.
 * Returns  0; an enum http_verdict; -ENOMEM.
 */
int http_h2_block_request(struct http_h2_block *block, const struct http_limits *limits, bool ended,
                          struct http_request *ret);

/* The same of trailers: lines, and an empty one behind them, as http_exchange_body_trailers() takes
 * them. 0; an enum http_verdict; -ENOMEM. */
int http_h2_block_trailers(struct http_h2_block *block, struct http_buffer *ret);

/* Its memory beyond `keep` bytes of each kind. */
void http_h2_block_clear(struct http_h2_block *block, size_t keep);
