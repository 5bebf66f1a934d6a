/* The four forms of a request target, RFC 9112 section 3.2. */
#pragma once

#include "http/message/request.h"

/* Set req->path, normalized if necessary, and check that the method permits this form of target.
 * A request without the parser's HTTP_TARGET_OTHER needs no check.
 *
 * scratch  Room for the bytes of the target; receives the path if it has to be changed.
 * Returns  0, with HTTP_SERVER_WIDE for "OPTIONS *"; an enum http_verdict.
 */
int http_target_check(struct http_request *req, char *scratch);

/* The path of a target, not normalized and without the query. */
struct http_span http_target_path(struct http_span target);

/* The part behind the "?" of a target; data is NULL without a "?". */
struct http_span http_target_query(struct http_span target);

/* Host and port in a target that http_target_check() has accepted; data is NULL without a host. */
struct http_span http_target_host(struct http_span target);
