/* Any request: what the shortest path, which is in connection.c, does not know. */
#pragma once

#include "http/h1/batch.h"

/* What the head says, as an exchange knows it. */
cold unsigned request_flags(const struct http_request *req, enum http_persist persist);

/* What has come is no head, by the verdict of the parser. Returns as turn_reply() does. */
cold int request_fail_head(struct turn *t, int verdict);

/* Answer it, or begin to; r is what http_headers_check() said. 0, and t->at is behind its head;
 * otherwise as turn_reply(), or -EBUSY: a handler has it. */
aside int request_any(struct turn *t, size_t head_len, int r);
