#include "plug/plug_metric.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "plug/instance.h"

#define PLUG_METRIC_OWN_LABELS 2

/* From the path of the instance in the configuration: "listeners[0].handler" is the listener by its
 * name, and the rest is the place below it. */
static void
plug_metric_place(const struct instance *i, char ret_listener[CATALOG_VALUE_MAX + 1],
                  const char **ret_handler)
{
    const struct config *config = i->plugins->config;
    const char *rest = i->owner.path;
    size_t index = SIZE_MAX;
    int len = 0;

    if (sscanf(rest, "listeners[%zu].handler%n", &index, &len) == 1 && len > 0 && config &&
        index < config->listener_count) {
        snprintf(ret_listener, CATALOG_VALUE_MAX + 1, "%s", config->listeners[index].name.data);
        rest += len;
    } else {
        *ret_listener = '\0';
    }
    *ret_handler = *rest == '.' ? rest + 1 : rest;
}

int
plug_metric_new(struct instance *i, const struct goevd_metric *of, const char *const *values)
{
    struct catalog_family about;
    char listener[CATALOG_VALUE_MAX + 1];
    const char *all[CATALOG_LABELS_MAX] = {listener};
    unsigned count;

    if (!catalog_describe(of, PLUG_METRIC_OWN_LABELS, &about))
        return -EINVAL;
    about.labels[0] = "listener";
    about.labels[1] = "handler";
    plug_metric_place(i, listener, &all[1]);
    count = about.label_count - PLUG_METRIC_OWN_LABELS;
    if (count > 0 && !values)
        return -EINVAL;
    if (count > 0)
        memcpy(all + PLUG_METRIC_OWN_LABELS, values, count * sizeof(*all));
    return registry_add(&i->plugins->registry, &about, all, i);
}
