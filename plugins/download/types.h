/* Media types of files by their extensions. */
#pragma once

#include "download/bytes/type_table.h"
#include "download/options.h"

#define DL_TYPES_TEXTS 3 /* files that are merged */

struct dl_types {
    struct dl_type_table table;
    char *texts[DL_TYPES_TEXTS]; /* contents of the files, which the rows point into */
    const char *fallback;
    struct goevd_str charset;
};

/* Merge the types of the options, the built-in ones and the system's. Returns 0; -EINVAL after
 * goevd_refuse(); -ENOMEM. Call dl_types_fini() also after an error. */
int dl_types_init(struct dl_types *types, struct goevd_self *self, const struct dl_options *o);

void dl_types_fini(struct dl_types *types);

/* The type of a file name, NUL-terminated; "": unknown. */
const char *dl_types_find(const struct dl_types *types, const char *name);

/* The charset for a type; "": none. */
const char *dl_types_charset(const struct dl_types *types, const char *type);
