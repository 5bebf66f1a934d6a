/* A plugin without a stream handler. */
#include "plain.h"

static const void *
no_stream_interface(const char *id)
{
    (void)id;
    return NULL;
}

GOEVD_PLUGIN(.name = "no_stream", .description = "serves nothing", .create = plain_create,
             .interface = no_stream_interface);
