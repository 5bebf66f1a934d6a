/* A shared object that is no plugin. */
#include <goevd/plugin.h>

GOEVD_EXPORT const char *no_entry_name(void);

const char *
no_entry_name(void)
{
    return "no_entry";
}
