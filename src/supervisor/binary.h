/* The binary that workers run. */
#pragma once

#include <limits.h>

#include "base/err.h"

/* The path to execute: that of the command line, with its symbolic links, if it leads to the binary
 * that runs; else where the kernel found that. */
int binary_find(const char *argv0, char ret_path[PATH_MAX]);

/* Execute it; returns only if that fails.
 *
 * kept_fd  the binary of the worker that served last, open; -1: there is none.
 * fresh    run the present file at the path; else the kept one.
 * Returns  a negative errno.
 */
int binary_execute(const char *path, int kept_fd, bool fresh, char **argv);
