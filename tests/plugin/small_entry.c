/* An entry without its size. */
#include "plain.h"

GOEVD_PLUGIN_HOST;

GOEVD_EXPORT const struct goevd_plugin_entry goevd_plugin_entry = {
    .version = {GOEVD_ABI_MAJOR, GOEVD_ABI_MINOR, 16},
    .host = &goevd_host,
    .name = "small_entry",
    .description = "is too short",
    .create = plain_create,
    .interface = plain_interface,
};
