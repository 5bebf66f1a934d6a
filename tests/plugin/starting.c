/* Its create takes its time, or dies; a connection gets its edition. */
#include <stdlib.h>
#include <time.h>

#include "plain.h"

#ifndef EDITION
#define EDITION "first"
#endif

struct options {
    int64_t sleep_ns;
    bool dies;
};

static const struct goevd_option starting_options[] = {
    {.name = "sleep", .type = GOEVD_OPTION_DURATION, .offset = offsetof(struct options, sleep_ns)},
    {.name = "dies", .type = GOEVD_OPTION_BOOL, .offset = offsetof(struct options, dies)},
    {.type = GOEVD_OPTION_END},
};

static const struct goevd_schema starting_schema = GOEVD_SCHEMA(struct options, starting_options);

static int
starting_create(struct goevd_self *self, const void *options, void **ret_instance)
{
    const struct options *o = options;
    struct timespec ts = {o->sleep_ns / 1000000000, o->sleep_ns % 1000000000};

    goevd_log(self, GOEVD_LOG_NOTICE, "starting");
    nanosleep(&ts, NULL);
    if (o->dies)
        abort();
    *ret_instance = NULL;
    return 0;
}

static int
starting_open(struct goevd_conn *c, void *state)
{
    (void)state;
    return goevd_conn_write(c, EDITION, sizeof(EDITION) - 1);
}

static ptrdiff_t
starting_read(struct goevd_conn *c, void *state, const char *data, size_t len, size_t fresh,
              unsigned flags)
{
    (void)c, (void)state, (void)data, (void)fresh, (void)flags;
    return (ptrdiff_t)len;
}

static const struct goevd_stream starting_stream = {
    .version = GOEVD_VERSION_OF(struct goevd_stream),
    .on_open = starting_open,
    .on_read = starting_read,
};

static const void *
starting_interface(const char *id)
{
    return strcmp(id, GOEVD_STREAM) == 0 ? &starting_stream : NULL;
}

GOEVD_PLUGIN(.name = "starting", .description = "takes its time to start",
             .options = &starting_schema, .create = starting_create,
             .interface = starting_interface);
