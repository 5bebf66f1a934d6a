/* Log data of requests that are answered without an exchange, by replies made at start or by
 * refusals. */
#pragma once

#include "http/h1/output/batch.h"

void http_h1_record_fini(struct http_h1_local *h1);

/* Reply number `reply` has answered the request being read. */
void http_h1_record_answered(struct http_h1_batch *b, unsigned reply, bool head_only);

/* A reply for a verdict has answered the request, or malformed input. */
void http_h1_record_refused(struct http_h1_batch *b, unsigned reply, bool head_only);

/* The info of the request being answered, or of malformed input. */
const struct http_request_info *http_h1_record_info(struct http_h1_batch *b);

/* The body of the request is discarded, and the reply is sent at its end: store info and log data
 * in a record of the connection. Without memory the request is not logged. */
void http_h1_record_keep(struct http_h1_batch *b, unsigned reply);

/* The reply for the discarded body. */
unsigned http_h1_record_reply(const struct http_h1_batch *b);
void http_h1_record_set_reply(struct http_h1_batch *b, unsigned reply);

/* The request with the discarded body has been answered. */
void http_h1_record_kept_answered(struct http_h1_batch *b, bool head_only);

/* The connection has closed before the discarded body was complete. */
void http_h1_record_kept_gone(struct goevd_conn *c, struct http_h1_conn *conn);
