/* Calls an undefined function. */
#include "plain.h"

int undefined_and_nowhere_else(void);

static int
undefined_create(struct goevd_self *self, const void *options, void **ret_instance)
{
    (void)self, (void)options;
    *ret_instance = NULL;
    return undefined_and_nowhere_else();
}

GOEVD_PLUGIN(.name = "undefined", .description = "lacks a library", .create = undefined_create,
             .interface = plain_interface);
