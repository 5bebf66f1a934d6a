/* Opening files by paths that a configuration names. */
#pragma once

#include <sys/types.h>

/* As open(2), but root follows no link that another user could have made: unless every folder on
 * the way belongs to root alone, there may be no link. The fd; a negative errno, -ELOOP for such a
 * link. */
int path_open(const char *path, int flags, mode_t mode);
