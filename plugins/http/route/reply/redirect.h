/* `redirect:` - a reply that redirects the client.
 *
 * A fixed target is a reply like those of `respond`. A target with parts of the request, such as
 * "/new/{name}", needs a handler. */
#pragma once

#include <goevd/http.h>

#include "http/options.h"
#include "http/route/reply/reply.h"

/* Whether the target contains parts of the request. */
bool http_redirect_varies(const struct http_options_redirect *o);

/* Build the reply of a fixed target. As http_respond_build(). */
int http_redirect_build(struct goevd_self *self, const char *path,
                        const struct http_options_redirect *o, struct http_reply *ret_reply);

/* Check a target with parts of the request; `path` as in http_respond_build(). Returns 0, or the
 * result of goevd_refuse(). */
int http_redirect_check(struct goevd_self *self, const char *path,
                        const struct http_options_route *route);

/* Handler for such a target. Its instance is the struct http_options_redirect. */
extern const struct goevd_http_handler http_redirect_handler;

/* Redirects a path that lacks only its last "/". */
extern const struct goevd_http_handler http_redirect_slash_handler;
