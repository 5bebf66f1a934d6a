/* The schema of the plugin's options: names, types, defaults and help. */
#pragma once

#include "http/options.h"

extern const struct goevd_schema http_options_schema;

/* Checks that the schema cannot express. Returns 0, or -EINVAL after goevd_refuse(). */
int http_options_check(struct goevd_self *self, const struct http_options *o);
