/* Evaluates the header Range, RFC 9110 section 14. */
#pragma once

#include <stdint.h>

#include <goevd/plugin.h>

/* A range of bytes. */
struct dl_range {
    uint64_t at;
    uint64_t len;
};

/* Parse the value of a Range header for a file of that many bytes.
 *
 * ret      The satisfiable ranges, in the order of the header.
 * max      Room in `ret`.
 * Returns  Number of ranges; 0: the header is ignored, because it is malformed, has another unit,
 *          more than `max` ranges, or more bytes in all than the file; -ERANGE: no range is
 *          satisfiable.
 */
int dl_range_parse(struct goevd_str value, uint64_t size, struct dl_range *ret, unsigned max);
