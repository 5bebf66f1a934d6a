/* Plugins' places in the configuration, and errors below a node. */
#include "conf/schema/schema.h"

#include <errno.h>

#include "conf/yaml/path.h"

const struct conf_place *
conf_place_find(const struct conf_places *places, const struct goevd_plugin *plugin)
{
    const struct conf_place *place;

    for (place = places->first; place && place->plugin != plugin; place = place->next)
        ;
    return place;
}

int
conf_errors_vadd_below(struct conf_errors *errors, const struct conf_node *node, const char *base,
                       const char *path, const char *format, va_list args)
{
    const struct conf_node *found = conf_find(node, path);
    struct conf_path whole = {0};

    path_below(&whole, base);
    path_below(&whole, path);
    return conf_errors_vadd(errors, found ? &found->mark : NULL, whole.text, format, args);
}

int
conf_errors_add_below(struct conf_errors *errors, const struct conf_node *node, const char *base,
                      const char *path, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    conf_errors_vadd_below(errors, node, base, path, format, args);
    va_end(args);
    return -EINVAL;
}
