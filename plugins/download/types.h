/* Types of files by their extensions. */
#pragma once

#include "download/bytes/type_table.h"
#include "download/options.h"

#define DL_TYPES_TEXTS 3 /* files that are merged */

struct dl_types {
    struct dl_type_table table;
    char *texts[DL_TYPES_TEXTS]; /* of the files that the rows point into */
    const char *fallback;
    struct goevd_str charset;
};

/* Merge the types of the options, of goevd itself and of the system. Returns 0; -EINVAL after
 * goevd_refuse(); -ENOMEM. After an error, too, dl_types_fini() is called. */
int dl_types_init(struct dl_types *types, struct goevd_self *self, const struct dl_options *o);

void dl_types_fini(struct dl_types *types);

/* The type of a file of that name, NUL-terminated; "" if none is known. */
const char *dl_types_find(const struct dl_types *types, const char *name);

/* The charset to tell with it; "" for none. */
const char *dl_types_charset(const struct dl_types *types, const char *type);
