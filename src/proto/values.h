/* Values that were set while goevd runs, by the names of their options: the worker has them to
 * build its configuration from, and the supervisor to give them to the next worker. */
#pragma once

#include <stddef.h>

#include "base/util.h"

#define VALUES_MAX 256

struct values {
    struct value {
        char *name;
        char *text;
    } items[VALUES_MAX];
    size_t count;
};

/* NULL: there is none of that name. */
const char *values_get(const struct values *v, const char *name);

/* 0; -ENOSPC for one more than VALUES_MAX; -ENOMEM: and nothing has changed. */
int values_set(struct values *v, const char *name, const char *text);

/* False: there was none. */
bool values_unset(struct values *v, const char *name);

void values_fini(struct values *v);
