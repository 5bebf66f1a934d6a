/* `redirect:` - a reply that sends the client elsewhere. */
#pragma once

#include <goevd/plugin.h>

#include "http/options.h"
#include "http/reply.h"

/* As respond_build(). */
int redirect_build(struct goevd_self *self, const char *path, const struct options_redirect *o,
                   struct http_reply *ret_reply);
