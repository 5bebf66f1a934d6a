/* What dlopen(3) would not survive, or say in words that help nobody. */
#pragma once

#include "base/err.h"

/* Is the file a whole object of this program's machine? Only its headers are read.
 *
 * Returns  0; negative with the reason, and what to do about it.
 */
int elf_file_check(const char *path, struct err *reterr);
