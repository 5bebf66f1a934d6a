/* Opening files by paths that a configuration names. */
#pragma once

#include <sys/types.h>

/* As open(2), but root follows no link that somebody else could have made: every folder on the way
 * must be root's alone, or no link be there. The fd; a negative errno, -ELOOP for such a link. */
int path_open(const char *path, int flags, mode_t mode);
