#include "download/bytes/listing_entry.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static bool
dl_name_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static unsigned char
dl_name_lower(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

/* Compare two runs of digits as numbers of any length, and skip them. */
static int
dl_name_compare_numbers(const char **x, const char **y)
{
    size_t n, m;
    int r;

    *x += strspn(*x, "0");
    *y += strspn(*y, "0");
    n = strspn(*x, "0123456789");
    m = strspn(*y, "0123456789");
    r = n != m ? (n > m) - (n < m) : memcmp(*x, *y, n);
    *x += n;
    *y += m;
    return r;
}

static int
dl_name_compare(const char *x, const char *y)
{
    while (*x && *y) {
        if (dl_name_is_digit(*x) && dl_name_is_digit(*y)) {
            int r = dl_name_compare_numbers(&x, &y);

            if (r != 0)
                return r;
            continue;
        }
        if (dl_name_lower(*x) != dl_name_lower(*y))
            return dl_name_lower(*x) < dl_name_lower(*y) ? -1 : 1;
        x++;
        y++;
    }
    return (*x != '\0') - (*y != '\0');
}

int
dl_entry_compare(const struct dl_entry *x, const struct dl_entry *y)
{
    int r = (y->kind == DL_ENTRY_DIRECTORY) - (x->kind == DL_ENTRY_DIRECTORY);

    if (r == 0)
        r = dl_name_compare(x->name, y->name);
    return r != 0 ? r : strcmp(x->name, y->name);
}

const char *
dl_entry_size_text(int64_t size, char ret_text[DL_SIZE_TEXT_MAX])
{
    static const char units[] = "KMGTPE";
    uint64_t tenths, unit = 1024;
    size_t i = 0;

    if (size < 1024) {
        snprintf(ret_text, DL_SIZE_TEXT_MAX, "%" PRId64 " B", size);
        return ret_text;
    }
    while (units[i + 1] != '\0' && (uint64_t)size / unit >= 1024) {
        unit *= 1024;
        i++;
    }
    /* rounded down, so that no size is shown as 1024.0 of a unit */
    tenths = (uint64_t)size / unit * 10 + (uint64_t)size % unit * 10 / unit;
    snprintf(ret_text, DL_SIZE_TEXT_MAX, "%" PRIu64 ".%" PRIu64 " %ciB", tenths / 10, tenths % 10,
             units[i]);
    return ret_text;
}
