/* Files that plugins read while they start, through the snapshot of the configuration. */
#include "plug/host/host_parts.h"

int
host_file_read(struct goevd_self *self, const char *path, size_t max, char **ret_text,
               size_t *ret_len)
{
    const struct plugins *p = host_self(self)->plugins;
    ssize_t n;

    assert(p->errors); /* in create */
    n = snapshot_read(p->snapshot, path, max, ret_text);
    if (n < 0)
        return (int)n;
    *ret_len = (size_t)n;
    return 0;
}
