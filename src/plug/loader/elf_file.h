/* What dlopen(3) would not survive, or say in words that help nobody. */
#pragma once

#include "base/err.h"

/* Open the file, if it is a whole object of this program's machine. Only its headers are read.
 *
 * Returns  the fd; negative with the reason, and what to do about it.
 */
int elf_file_open(const char *path, struct err *reterr);
