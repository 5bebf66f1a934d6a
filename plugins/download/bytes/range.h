/* What a header Range asks for, RFC 9110 section 14. */
#pragma once

#include <stdint.h>

#include <goevd/plugin.h>

/* Bytes of a file. */
struct dl_range {
    uint64_t at;
    uint64_t len;
};

/* Read the value of a Range header, for a file of so many bytes.
 *
 * ret      the ranges that can be sent, in the order in which they are asked for.
 * max      how many fit.
 * Returns  how many there are; 0: the header is to be ignored, for it is malformed, of another
 * unit, asks for more than `max`, or for more bytes in all than the file has; -ERANGE: no part of
 *          the file is asked for.
 */
int dl_range_parse(struct goevd_str value, uint64_t size, struct dl_range *ret, unsigned max);
