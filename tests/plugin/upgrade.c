/* Gives a connection to the plugin that its option names, at the line "upgrade\n". What comes
 * behind that line is the other one's. */
#include <stdlib.h>

#include <goevd/hosting.h>

#include "plain.h"

struct options {
    struct goevd_plugin *to;
};

static const struct goevd_option upgrade_options[] = {
    {.name = "to",
     .type = GOEVD_OPTION_PLUGIN,
     .flags = GOEVD_OPTION_REQUIRED,
     .offset = offsetof(struct options, to),
     .interface_id = GOEVD_STREAM,
     .help = "plugin that takes the connection over"},
    {0},
};
static const struct goevd_schema upgrade_schema = GOEVD_SCHEMA(struct options, upgrade_options);

static int
upgrade_create(struct goevd_self *self, const void *options, void **ret_instance)
{
    const struct options *o = options;
    struct goevd_plugin **to = malloc(sizeof(*to));

    (void)self;
    if (!to)
        return -ENOMEM;
    *to = o->to;
    *ret_instance = to;
    return 0;
}

static ptrdiff_t
upgrade_read(struct goevd_conn *c, void *state, const char *data, size_t len, size_t fresh,
             unsigned flags)
{
    struct goevd_plugin **to = goevd_conn_instance(c);
    const char *end = memchr(data, '\n', len);
    int r;

    (void)state, (void)fresh, (void)flags;
    if (!end)
        return 0;
    if (end - data != 7 || memcmp(data, "upgrade", 7) != 0)
        return -EPROTO;
    r = goevd_conn_write(c, "upgraded\n", 9);
    if (r >= 0)
        r = goevd_conn_upgrade(c, *to, NULL, 0);
    return r < 0 ? r : end + 1 - data;
}

static const struct goevd_stream upgrade_stream = {
    .version = GOEVD_VERSION_OF(struct goevd_stream),
    .on_read = upgrade_read,
};

static const void *
upgrade_interface(const char *id)
{
    return strcmp(id, GOEVD_STREAM) == 0 ? &upgrade_stream : NULL;
}

GOEVD_PLUGIN(.name = "upgrade", .description = "hands connections to another plugin",
             .options = &upgrade_schema, .create = upgrade_create, .destroy = free,
             .interface = upgrade_interface);
