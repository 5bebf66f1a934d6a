/* `include:` - a configuration in several files.
 *
 * At the top level of a file, a name or glob, or a list of them, relative to that file. The
 * contents of the files come after those of the including file. Maps are merged, lists are joined,
 * and a value that is given twice is an error that names both places.
 */
#pragma once

#include "conf/snapshot/snapshot.h"
#include "conf/yaml/node.h"

#define CONF_INCLUDE_DEPTH_MAX 8
#define CONF_FILES_MAX 256

/* Read a file and the files that it includes.
 *
 * schema     of the top level: shows which keys are lists.
 * snapshot   holds the files instead of the disk, or keeps the files that are read; NULL: neither.
 * Returns    0 with the tree in *ret_node (NULL: empty); negative with the reasons in errors.
 */
int conf_read(const char *name, const struct goevd_schema *schema, struct snapshot *snapshot,
              struct arena *arena, struct conf_errors *errors, const struct conf_node **ret_node);
