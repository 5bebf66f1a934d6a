/* A framing without a callback for frames. */
#include "plain.h"

#include <goevd/framing.h>

static const struct goevd_framing frameless_framing = {
    .version = GOEVD_VERSION_OF(struct goevd_framing),
    .type = GOEVD_FRAMING_LINES,
};

static const struct goevd_stream frameless_stream = {
    .version = GOEVD_VERSION_OF(struct goevd_stream),
    .on_read = plain_read,
    .framing = &frameless_framing,
};

static const void *
frameless_interface(const char *id)
{
    return strcmp(id, GOEVD_STREAM) == 0 ? &frameless_stream : NULL;
}

GOEVD_PLUGIN(.name = "frameless", .description = "has a framing and no on_frame",
             .create = plain_create, .interface = frameless_interface);
