/* A framing whose delimiter is nothing: every stream would be full of empty frames. */
#include "plain.h"

#include <goevd/framing.h>

static const struct goevd_framing no_delimiter_framing = {
    .version = GOEVD_VERSION_OF(struct goevd_framing),
    .type = GOEVD_FRAMING_DELIMITER,
};

static int
no_delimiter_frame(struct goevd_conn *c, void *state, const char *data, size_t len, unsigned flags)
{
    (void)state, (void)flags;
    return goevd_conn_write_frame(c, data, len);
}

static const struct goevd_stream no_delimiter_stream = {
    .version = GOEVD_VERSION_OF(struct goevd_stream),
    .framing = &no_delimiter_framing,
    .on_frame = no_delimiter_frame,
};

static const void *
no_delimiter_interface(const char *id)
{
    return strcmp(id, GOEVD_STREAM) == 0 ? &no_delimiter_stream : NULL;
}

GOEVD_PLUGIN(.name = "no_delimiter", .description = "has an empty delimiter",
             .create = plain_create, .interface = no_delimiter_interface);
