/* Built against headers of the next major version. */
#include "plain.h"

GOEVD_PLUGIN_HOST;

GOEVD_EXPORT const struct goevd_plugin_entry goevd_plugin_entry = {
    .version = {GOEVD_ABI_MAJOR + 1, 3, sizeof(struct goevd_plugin_entry)},
};
