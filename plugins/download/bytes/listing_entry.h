/* An entry of a listed directory: its order, and its size as text. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define DL_SIZE_TEXT_MAX 32 /* with the NUL */

enum dl_entry_kind { DL_ENTRY_DIRECTORY, DL_ENTRY_FILE };

struct dl_entry {
    enum dl_entry_kind kind;
    int64_t size;
    time_t modified;
    char name[];
};

/* The order of two entries: directories first, then by name. Case is ignored, and digits compare as
 * numbers: "a2" precedes "A10". Otherwise equal names compare as bytes. */
int dl_entry_compare(const struct dl_entry *x, const struct dl_entry *y);

/* A size such as "17 B" or "1.5 MiB". Returns ret_text. */
const char *dl_entry_size_text(int64_t size, char ret_text[DL_SIZE_TEXT_MAX]);
