/* Types of files by their extensions. */
#pragma once

#include "download/options.h"
#include "download/type_table.h"

#define TYPES_TEXTS 3 /* files that are merged */

struct types {
    struct dl_type_table table;
    char *texts[TYPES_TEXTS]; /* of the files that the rows point into */
    const char *fallback;
    struct goevd_str charset;
};

/* Merge the types of the options, of goevd itself and of the system. Returns 0; -EINVAL after
 * goevd_refuse(); -ENOMEM. After an error, too, types_fini() is called. */
int types_init(struct types *types, struct goevd_self *self, const struct options *o);

void types_fini(struct types *types);

/* The type of a file of that name, NUL-terminated; "" if none is known. */
const char *types_find(const struct types *types, const char *name);

/* The charset to tell with it; "" for none. */
const char *types_charset(const struct types *types, const char *type);
