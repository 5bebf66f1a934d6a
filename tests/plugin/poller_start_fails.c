/* poller_start fails on the second poller. */
#include "plain.h"

#include <goevd/poller.h>

static int
poller_start_fails(void *instance, struct goevd_poller *poller, void **ret_local)
{
    (void)instance, (void)ret_local;
    return goevd_poller_index(poller) == 1 ? -EACCES : 0;
}

GOEVD_PLUGIN(.name = "poller_start_fails", .description = "does not start everywhere",
             .create = plain_create, .interface = plain_interface,
             .poller_start = poller_start_fails);
