/* Print a schema for people: each key with type, range, default and help. */
#pragma once

#include <stdio.h>

#include <goevd/plugin.h>

#include "base/util.h"

/* A schema that stands in several places is printed in the highest of them alone.
 *
 * indent   spaces before each line.
 * Returns  0; -ENOMEM. */
int conf_describe(FILE *out, const struct goevd_schema *schema, unsigned indent);
