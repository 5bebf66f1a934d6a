/* The general path of a request. The shortest path is in connection.c. */
#pragma once

#include "http/h1/output/batch.h"

/* enum http_exchange_flags of a head, and enum http_h1_link_flags of the same. */
cold unsigned http_h1_request_flags(const struct http_request *req, unsigned link);
cold unsigned http_h1_request_link(const struct http_request *req, enum http_persist persist);

/* Refuse input that is not a valid head, with the parser's verdict. Returns as
 * http_h1_batch_reply() does. */
cold int http_h1_request_fail_head(struct http_h1_batch *b, int verdict);

/* Answer a request, or begin to. r is the result of http_semantics_check(). Returns 0 with b->at
 * behind the head; otherwise as http_h1_batch_reply(); -EBUSY: a handler has the request. */
aside int http_h1_request_any(struct http_h1_batch *b, size_t head_len, int r);
