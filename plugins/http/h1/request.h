/* Any request: what the shortest path, which is in connection.c, does not know. */
#pragma once

#include "http/h1/batch.h"

/* What the head says, as an exchange knows it and as its link does. */
cold unsigned http_h1_request_flags(const struct http_request *req, unsigned link);
cold unsigned http_h1_request_link(const struct http_request *req, enum http_persist persist);

/* What has come is no head, by the verdict of the parser. Returns as http_h1_batch_reply() does. */
cold int http_h1_request_fail_head(struct http_h1_batch *b, int verdict);

/* Answer it, or begin to; r is what http_semantics_check() said. 0, and b->at is behind its head;
 * otherwise as http_h1_batch_reply(), or -EBUSY: a handler has it. */
aside int http_h1_request_any(struct http_h1_batch *b, size_t head_len, int r);
