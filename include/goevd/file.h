/* goevd/file.h - small files that a plugin reads while it starts.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef GOEVD_FILE_H
#define GOEVD_FILE_H

#include <goevd/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The functions below, in the table that goevd_host->file points to. */
struct goevd_host_file {
    struct goevd_version version;

    int (*file_read)(struct goevd_self *self, const char *path, size_t max, char **ret_text,
                     size_t *ret_len);
};

/* Read a regular file as a whole, such as a list of users or a certificate.
 *
 * goevd keeps the bytes, or the error, while this configuration serves. A worker that replaces a
 * dead one gets them again, even if the file has changed or is gone by then. Files that a plugin
 * reads with open(2) are not kept.
 *
 * path      absolute (GOEVD_OPTION_PATH).
 * max       bytes.
 * ret_text  for free(3). A NUL that is not counted follows the bytes.
 * Thread    [main] in create.
 * Returns   0; -EFBIG if the file has more than max bytes; -EISDIR or -EINVAL if it is no regular
 *           file; -ENOMEM; another negative errno of open(2) or read(2).
 */
static inline int
goevd_file_read(struct goevd_self *self, const char *path, size_t max, char **ret_text,
                size_t *ret_len)
{
    return goevd_host->file->file_read(self, path, max, ret_text, ret_len);
}

#ifdef __cplusplus
}
#endif

#endif
