/* The file that says which process goevd is, locked for as long as it lives: flock(2). */
#pragma once

#include <limits.h>

#include "base/err.h"

struct pidfile {
    int fd; /* -1: none */
    char path[PATH_MAX];
};

/* Take the file at this path. One that a process holds that lives is -EBUSY, and left alone; what
 * one that has died left behind is taken over. */
int pidfile_open(struct pidfile *f, const char *path, struct err *reterr);

/* Whether that would succeed, as far as the permissions say; nothing is opened. */
int pidfile_check(const char *path, struct err *reterr);

/* Remove it and let go. Nothing if there is none. */
void pidfile_close(struct pidfile *f);
