/* Incremental UTF-8 validation, RFC 3629. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* State between two pieces: bytes missing in the current character, and the range of the next byte.
 * Zeroed: between two characters. */
struct ws_utf8 {
    uint8_t need, first, last;
};

/* Check a piece. 0; -EILSEQ at the first invalid byte. The text is complete if `need` is 0 at its
 * end. */
int ws_utf8_check(struct ws_utf8 *u, const char *data, size_t len);
