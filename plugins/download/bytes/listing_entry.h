/* One name of a directory that is listed: its order, and its size for people. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define DL_SIZE_TEXT_MAX 32 /* bytes, with the NUL */

enum dl_entry_kind { DL_ENTRY_DIRECTORY, DL_ENTRY_FILE };

struct dl_entry {
    enum dl_entry_kind kind;
    int64_t size;
    time_t modified;
    char name[];
};

/* The order of two entries: directories first, then by name. Case does not matter, and digits count
 * as numbers: "a2" is before "A10". Names that differ otherwise are in the order of their bytes. */
int dl_entry_compare(const struct dl_entry *x, const struct dl_entry *y);

/* A size such as "17 B" or "1.5 MiB". Returns ret_text. */
const char *dl_entry_size_text(int64_t size, char ret_text[DL_SIZE_TEXT_MAX]);
