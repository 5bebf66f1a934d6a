/* `respond:` - a reply that the config spells out. */
#pragma once

#include <goevd/plugin.h>

#include "http/options.h"
#include "http/route/error_pages.h"
#include "http/route/reply.h"

/* Header lines of one reply; with its head it must fit what a connection reserves at once. */
#define HTTP_RESPOND_FIELDS_MAX 16384

/* Check it and make its reply; the body stays in the options, the caller frees ret_reply->memory.
 * An error with neither body nor type has its page.
 *
 * path     of this route in the options, as in "routes[2]".
 * Returns  0; -EINVAL after goevd_refuse(); -ENOMEM.
 */
int http_respond_build(struct goevd_self *self, const char *path,
                       const struct http_options_respond *o, const struct http_error_pages *pages,
                       struct http_reply *ret_reply);
