/* The file with the pid of goevd, locked by flock(2) for as long as it lives. */
#pragma once

#include <limits.h>

#include "base/err.h"

struct pidfile {
    int fd; /* -1: none */
    char path[PATH_MAX];
};

/* Take the file at this path. A file that a living process holds is left alone: -EBUSY. A
 * file that a dead process has left is taken over. */
int pidfile_open(struct pidfile *f, const char *path, struct err *reterr);

/* Whether the permissions allow that; nothing is opened. */
int pidfile_check(const char *path, struct err *reterr);

/* Remove it and let go. Nothing if there is none. */
void pidfile_close(struct pidfile *f);
