/* Options that can be changed while goevd runs, by their names in error messages, such as
 * log.level, listeners[web].connections_max or listeners[0].handler.push.hold. An item of a list
 * goes by its name, by its address where it has none, or by its index. */
#pragma once

#include "conf/config.h"
#include "conf/yaml/path.h"

#define SETTING_NAME_MAX 255  /* bytes */
#define SETTING_VALUE_MAX 511 /* bytes */

struct setting {
    const struct goevd_option *option;
    const void *slot;               /* its value */
    const struct conf_place *place; /* of the plugin that it belongs to; NULL: it is goevd's own */
    bool written;                   /* in the file: it is not a default */
    bool loose;                     /* below a list that the file does not have */
    struct conf_path name;          /* with names for indices, where items have some */
    struct conf_path path;          /* with indices alone */
};

/* The option of that name, whether or not it may be changed. 0; -EINVAL with a sentence that begins
 * with the name. */
int setting_find(const struct config *config, const char *name, struct setting *ret,
                 struct err *reterr);

/* Call fn for each that may be changed, in the order of the schemas, until it returns not 0.
 * Returns that, or 0. */
typedef int (*setting_fn)(const struct setting *s, void *arg);
int setting_each(const struct config *config, setting_fn fn, void *arg);
