/* The plugin directory, for messages and listings. */
#pragma once

#include <stddef.h>

#include "base/util.h"

/* Call fn for the name ("echo" for "echo.so") of every plugin file, sorted. 0 or the result of fn
 * first that is not 0; a negative errno if the directory cannot be read. */
int folder_each(const char *dir, int (*fn)(const char *name, void *arg), void *arg);

/* "echo, http", shortened with "…" where it does not fit. */
int folder_names(const char *dir, char *buf, size_t size);

/* "; did you mean 'http'?" if a name is near; false else. */
bool folder_suggest(const char *dir, const char *name, char *buf, size_t size);
