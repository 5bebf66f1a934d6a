/* The present place in the configuration, in the form of errors: `listeners[0].handler.http`. */
#pragma once

#include <goevd/plugin.h>

#include "base/util.h"

#define CONF_PATH_MAX 512 /* longer ones end with "..." */

struct conf_path {
    char text[CONF_PATH_MAX];
    size_t len;
};

/* Go down to a key or item. The result is for path_back(), to come up again. */
size_t path_key(struct conf_path *path, struct goevd_str key);
size_t path_index(struct conf_path *path, size_t index);
void path_back(struct conf_path *path, size_t len);

void path_set(struct conf_path *path, const char *text);

/* Go down by a path of several steps, such as `routes[2].path`; "" goes nowhere. */
void path_below(struct conf_path *path, const char *below);
