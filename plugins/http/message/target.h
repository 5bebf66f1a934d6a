/* The four forms of a request target, RFC 9112 section 3.2. */
#pragma once

#include "http/message/request.h"

/* Set req->path, normalised if need be, and check that the method may have this form of target.
 * Where the parser has not set HTTP_TARGET_OTHER there is nothing to do.
 *
 * scratch  room for the bytes of the target; holds the path if it had to be changed.
 * Returns  0, with HTTP_SERVER_WIDE for "OPTIONS *"; an enum http_verdict.
 */
int http_target_check(struct http_request *req, char *scratch);

/* The path of a target as it was sent, without the query. */
struct http_span http_target_path(struct http_span target);

/* What follows the "?" of a target; data is NULL where there is none. */
struct http_span http_target_query(struct http_span target);

/* The host and port in a target that http_target_check() found good; data is NULL where it has
 * none. */
struct http_span http_target_host(struct http_span target);
