/* Print a schema for people: each key with type, range, default and help. */
#pragma once

#include <stdio.h>

#include <goevd/plugin.h>

#include "base/util.h"

/* indent   spaces before each line. */
void conf_describe(FILE *out, const struct goevd_schema *schema, unsigned indent);
