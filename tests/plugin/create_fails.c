/* create fails without goevd_refuse(). */
#include "plain.h"

static int
create_fails(struct goevd_self *self, const void *options, void **ret_instance)
{
    (void)self, (void)options, (void)ret_instance;
    return -ENOSPC;
}

GOEVD_PLUGIN(.name = "create_fails", .description = "fails", .create = create_fails,
             .interface = plain_interface);
