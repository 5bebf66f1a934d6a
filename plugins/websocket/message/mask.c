#include "websocket/message/mask.h"

#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>

static inline __m128i
ws_mask_one(const char *from, __m128i wide)
{
    return _mm_xor_si128(_mm_loadu_si128((const __m128i *)(const void *)from), wide);
}

/* Unmask all whole blocks; returns their length. *ret_high: their highest bits. */
static size_t
ws_mask_blocks(char *to, const char *from, size_t len, uint32_t mask, unsigned *ret_high)
{
    __m128i wide = _mm_set1_epi32((int)mask), high = _mm_setzero_si128();
    size_t at = 0;

    for (; len - at >= 64; at += 64) {
        __m128i a = ws_mask_one(from + at, wide), b = ws_mask_one(from + at + 16, wide);
        __m128i c = ws_mask_one(from + at + 32, wide), d = ws_mask_one(from + at + 48, wide);

        _mm_storeu_si128((__m128i *)(void *)(to + at), a);
        _mm_storeu_si128((__m128i *)(void *)(to + at + 16), b);
        _mm_storeu_si128((__m128i *)(void *)(to + at + 32), c);
        _mm_storeu_si128((__m128i *)(void *)(to + at + 48), d);
        high = _mm_or_si128(high, _mm_or_si128(_mm_or_si128(a, b), _mm_or_si128(c, d)));
    }
    for (; len - at >= 16; at += 16) {
        __m128i a = ws_mask_one(from + at, wide);

        _mm_storeu_si128((__m128i *)(void *)(to + at), a);
        high = _mm_or_si128(high, a);
    }
    *ret_high = (unsigned)_mm_movemask_epi8(high);
    return at;
}
#else
static size_t
ws_mask_blocks(char *to, const char *from, size_t len, uint32_t mask, unsigned *ret_high)
{
    uint64_t wide = (uint64_t)mask << 32 | mask, high = 0, word;
    size_t at = 0;

    for (; len - at >= sizeof(word); at += sizeof(word)) {
        memcpy(&word, from + at, sizeof(word));
        word ^= wide;
        memcpy(to + at, &word, sizeof(word));
        high |= word;
    }
    *ret_high = (high & UINT64_C(0x8080808080808080)) != 0;
    return at;
}
#endif

bool
ws_mask_apply(char *to, const char *from, size_t len, uint32_t mask)
{
    unsigned high, rest = 0;
    char bytes[4];

    memcpy(bytes, &mask, sizeof(bytes));
    for (size_t at = ws_mask_blocks(to, from, len, mask, &high); at < len; at++) {
        to[at] = (char)(from[at] ^ bytes[at & 3]);
        rest |= (unsigned char)to[at];
    }
    return high == 0 && rest < 0x80;
}
