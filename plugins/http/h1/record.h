/* What the log needs of requests that are answered without an exchange: by replies that were made
 * at start, and by refusals. */
#pragma once

#include "http/h1/batch.h"

void http_h1_record_fini(struct http_h1_local *h1);

/* Reply number `reply` has answered the request that is being read. */
void http_h1_record_answered(struct http_h1_batch *b, unsigned reply, bool head_only);

/* A reply for a verdict has answered it, or what was none. */
void http_h1_record_refused(struct http_h1_batch *b, unsigned reply, bool head_only);

/* The info of whatever is being answered, also where it is no request. */
const struct http_request_info *http_h1_record_info(struct http_h1_batch *b);

/* It has a body that nobody wants, and is answered when that has come: keep its info and what the
 * line needs, in the connection's stead. Where there is no memory, nothing of it is logged. */
void http_h1_record_keep(struct http_h1_batch *b, unsigned reply);

/* What answers such a body. */
unsigned http_h1_record_reply(const struct http_h1_batch *b);
void http_h1_record_set_reply(struct http_h1_batch *b, unsigned reply);

/* Such a body has been answered. */
void http_h1_record_kept_answered(struct http_h1_batch *b, bool head_only);

/* The connection of such a body has ended. */
void http_h1_record_kept_gone(struct goevd_conn *c, struct http_h1_conn *conn);
