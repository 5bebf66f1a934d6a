/* `redirect:` - a reply that sends the client elsewhere.
 *
 * To a place that stands in the options it is a reply like those of `respond`. With pieces of the
 * request in it, as "/new/{name}", it is a handler of its own. */
#pragma once

#include <goevd/http.h>

#include "http/options.h"
#include "http/route/reply.h"

/* Whether where to depends on the request. */
bool redirect_varies(const struct options_redirect *o);

/* For one that does not: as respond_build(). */
int redirect_build(struct goevd_self *self, const char *path, const struct options_redirect *o,
                   struct http_reply *ret_reply);

/* For one that does: check it; `path` as in respond_build(). 0, or what goevd_refuse() does. */
int redirect_check(struct goevd_self *self, const char *path, const struct options_route *route);

/* What answers then; its instance is the struct options_redirect. */
extern const struct goevd_http_handler redirect_handler;
