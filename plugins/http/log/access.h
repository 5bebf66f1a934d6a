/* The access log: one line for each request, when it is known what became of it; nothing where
 * there is no log. */
#pragma once

#include "http/exchange/exchange.h"

/* Of a client that has gone before its answer began, as nginx has it. */
#define HTTP_ACCESS_STATUS_GONE 499

/* Open it; nothing without. 0; -EINVAL after goevd_refuse(); -ENOMEM. */
int http_access_init(struct http *http);

void http_access_local_fini(struct http_local *local);

/* Reply number `reply` has answered that request. */
void http_access_answered(struct http_h1_batch *b, unsigned reply, bool head_only);

/* A reply for a verdict has answered it, or what was none. */
void http_access_refused(struct http_h1_batch *b, unsigned reply, bool head_only);

/* It has a body that nobody wants, and is answered when that has come: keep its info and what the
 * line needs, in the connection's stead. Where there is no memory, nothing of it is logged. */
void http_access_keep(struct http_h1_batch *b, unsigned reply);

/* What answers such a body. */
unsigned http_access_reply(const struct http_h1_batch *b);
void http_access_set_reply(struct http_h1_batch *b, unsigned reply);

/* The info of such a request. */
const struct http_request_info *http_access_kept_mark(const struct http_h1_batch *b);

/* Such a body has been answered. */
void http_access_kept_answered(struct http_h1_batch *b, bool head_only);

/* The connection of such a body has ended. */
void http_access_kept_gone(struct goevd_conn *c, struct http_h1_conn *conn);

/* A handler's request is over. */
void http_access_exchange(struct http_exchange *x);
