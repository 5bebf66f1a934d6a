/* Masking, RFC 6455 section 5.3. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Copy len bytes and take the mask off; `to` may be `from`, or before it. Returns whether all of
 * them are ASCII then, which costs next to nothing here. */
bool ws_mask_apply(char *to, const char *from, size_t len, uint32_t mask);

/* The mask for what follows n bytes. */
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
