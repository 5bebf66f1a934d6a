/* Masking, RFC 6455 section 5.3. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Unmask len bytes into `to`, which may be `from` or lie before it. Returns whether the result is
 * all ASCII, because that costs almost nothing here. */
bool ws_mask_apply(char *to, const char *from, size_t len, uint32_t mask);

/* The mask rotated for the bytes behind the first n. */
static inline uint32_t
ws_mask_after(uint32_t mask, uint64_t n)
{
    unsigned bits = (unsigned)(n & 3) * 8;

    if (bits == 0)
        return mask;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    return mask >> bits | mask << (32 - bits);
#else
    return mask << bits | mask >> (32 - bits);
#endif
}
