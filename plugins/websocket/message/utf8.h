/* UTF-8 (RFC 3629), checked piece by piece. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* What is known between two pieces: how many bytes the character still needs, and between which
 * bounds the next of them lies. Zeroed: at the beginning of one. */
struct ws_utf8 {
    uint8_t need, first, last;
};

/* Check a piece. 0; -EILSEQ at the first byte that cannot stand there. Text is whole where `need`
 * is 0 at its end. */
int ws_utf8_check(struct ws_utf8 *u, const char *data, size_t len);
