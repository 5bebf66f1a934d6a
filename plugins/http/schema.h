/* What options the plugin has, for goevd: their names, defaults and help. */
#pragma once

#include "http/options.h"

extern const struct goevd_schema http_options_schema;

/* What the schema cannot say. Returns 0, or -EINVAL after goevd_refuse(). */
int http_options_check(struct goevd_self *self, const struct http_options *o);
