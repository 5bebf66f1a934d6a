/* `respond:` - a reply written in the configuration. */
#pragma once

#include <goevd/plugin.h>

#include "http/options.h"
#include "http/route/reply/error_pages.h"
#include "http/route/reply/reply.h"

/* Limit of the header lines of one reply: with its head it must fit into one reservation of a
 * connection. */
#define HTTP_RESPOND_FIELDS_MAX 16384

/* Check the options of a route and build its reply. The body stays in the options. The caller frees
 * ret_reply->memory. An error reply with neither body nor type gets its error page.
 *
 * path     The route in the options, as in "routes[2]".
 * Returns  0; -EINVAL after goevd_refuse(); -ENOMEM.
 */
int http_respond_build(struct goevd_self *self, const char *path,
                       const struct http_options_respond *o, const struct http_error_pages *pages,
                       struct http_reply *ret_reply);
