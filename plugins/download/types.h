/* Types of files by their extensions. */
#pragma once

#include "download/options.h"

struct types {
    struct type *all; /* sorted by extension */
    size_t count, room;
    char *text; /* of the file that they come from */
    const char *fallback;
    struct goevd_str charset;
};

/* Read the system's table, beneath what the options say. Returns 0; -EINVAL after goevd_refuse();
 * -ENOMEM. After an error, too, types_fini() is called. */
int types_init(struct types *types, struct goevd_self *self, const struct options *o);

void types_fini(struct types *types);

/* The type of a file of that name, NUL-terminated; "" if none is known. */
const char *types_find(const struct types *types, const char *name);

/* The charset to tell with it; "" for none. */
const char *types_charset(const struct types *types, const char *type);
