/* Print a record as YAML: the written values and every default, so that it reads back to the
 * same. */
#pragma once

#include <stdio.h>

#include "conf/schema/schema.h"

/* node     source of the record: shows which keys without a default were written.
 * Returns  0; -ENOMEM; -EIO where the stream does not take it. */
int conf_dump(FILE *out, const struct goevd_schema *schema, const void *record,
              const struct conf_node *node, const struct conf_places *places);
