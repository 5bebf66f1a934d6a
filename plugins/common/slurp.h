/* A small file as a whole. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

/* Read a regular file; its text, to be freed, ends with a NUL that is not counted. Returns its
 * bytes; -EFBIG: it has more than max; -EISDIR, or -EINVAL for what else is no regular file;
 * -ENOMEM; another -errno of open(2) or read(2). */
ssize_t slurp(const char *path, size_t max, char **ret_text);
