/* `redirect:` - a reply that sends the client elsewhere.
 *
 * To a place that stands in the options it is a reply like those of `respond`. With pieces of the
 * request in it, as "/new/{name}", it is a handler of its own. */
#pragma once

#include <goevd/http.h>

#include "http/options.h"
#include "http/route/reply.h"

/* Whether where to depends on the request. */
bool http_redirect_varies(const struct http_options_redirect *o);

/* For one that does not: as http_respond_build(). */
int http_redirect_build(struct goevd_self *self, const char *path,
                        const struct http_options_redirect *o, struct http_reply *ret_reply);

/* For one that does: check it; `path` as in http_respond_build(). 0, or what goevd_refuse() does.
 */
int http_redirect_check(struct goevd_self *self, const char *path,
                        const struct http_options_route *route);

/* What answers then; its instance is the struct http_options_redirect. */
extern const struct goevd_http_handler http_redirect_handler;

/* Answers a path that only lacks its last "/". */
extern const struct goevd_http_handler http_redirect_slash_handler;
