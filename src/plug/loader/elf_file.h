/* Checks of a file that would crash dlopen(3), or cause an error message that does not help. */
#pragma once

#include "base/err.h"

/* Open the file, if it is a whole object of this program's machine. Only its headers are read.
 *
 * Returns  the fd; negative with the reason and a remedy.
 */
int elf_file_open(const char *path, struct err *reterr);
