/* Needs a host that is newer than this one. */
#include "plain.h"

GOEVD_PLUGIN(.host_minor = GOEVD_ABI_MINOR + 5, .name = "newer_minor", .description = "is ahead",
             .create = plain_create, .interface = plain_interface);
