/* A table as an author knew it who had a shorter one: what lies behind its end is not the host's
 * to read. */
#include <stdlib.h>

#include "plain.h"

static int
older_minor_stop(struct goevd_conn *c, void *state)
{
    (void)c, (void)state;
    abort();
}

static const struct goevd_stream older_minor_stream = {
    .version = {GOEVD_ABI_MAJOR, 0, offsetof(struct goevd_stream, on_stop)},
    .on_read = plain_read,
    .on_stop = older_minor_stop,
};

static const void *
older_minor_interface(const char *id)
{
    return strcmp(id, GOEVD_STREAM) == 0 ? &older_minor_stream : NULL;
}

GOEVD_PLUGIN(.name = "older_minor", .description = "echo, of an earlier ABI",
             .create = plain_create, .interface = older_minor_interface);
