/* The access log: one line for each request, when it is known what became of it; nothing where
 * there is no log. */
#pragma once

#include "http/exchange/exchange.h"

/* Of a client that has gone before its answer began, as nginx has it. */
#define ACCESS_STATUS_GONE 499

/* Open it; nothing without. 0; -EINVAL after goevd_refuse(); -ENOMEM. */
int access_init(struct http *http);

void access_local_fini(struct http_local *local);

/* Reply number `reply` has answered that request. */
void access_answered(struct turn *t, unsigned reply, bool head_only);

/* A reply for a verdict has answered it, or what was none. */
void access_refused(struct turn *t, unsigned reply, bool head_only);

/* It has a body that nobody wants, and is answered when that has come: keep its mark and what the
 * line needs, in the connection's stead. Where there is no memory, nothing of it is logged. */
void access_keep(struct turn *t, unsigned reply);

/* What answers such a body. */
unsigned access_reply(const struct turn *t);
void access_set_reply(struct turn *t, unsigned reply);

/* The mark of such a request. */
const struct mark *access_kept_mark(const struct turn *t);

/* Such a body has been answered. */
void access_kept_answered(struct turn *t, bool head_only);

/* The connection of such a body has ended. */
void access_kept_gone(struct goevd_conn *c, struct conn *conn);

/* A handler's request is over. */
void access_exchange(struct exchange *x);
