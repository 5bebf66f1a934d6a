#include "websocket/mask.h"

#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>

static inline __m128i
mask_one(const char *from, __m128i wide)
{
    return _mm_xor_si128(_mm_loadu_si128((const __m128i *)(const void *)from), wide);
}

/* As many whole blocks as there are; returns their bytes. */
static size_t
mask_blocks(char *to, const char *from, size_t len, uint32_t mask)
{
    __m128i wide = _mm_set1_epi32((int)mask);
    size_t at = 0;

    for (; len - at >= 64; at += 64) {
        __m128i a = mask_one(from + at, wide), b = mask_one(from + at + 16, wide);
        __m128i c = mask_one(from + at + 32, wide), d = mask_one(from + at + 48, wide);

        _mm_storeu_si128((__m128i *)(void *)(to + at), a);
        _mm_storeu_si128((__m128i *)(void *)(to + at + 16), b);
        _mm_storeu_si128((__m128i *)(void *)(to + at + 32), c);
        _mm_storeu_si128((__m128i *)(void *)(to + at + 48), d);
    }
    for (; len - at >= 16; at += 16)
        _mm_storeu_si128((__m128i *)(void *)(to + at), mask_one(from + at, wide));
    return at;
}
#else
static size_t
mask_blocks(char *to, const char *from, size_t len, uint32_t mask)
{
    uint64_t wide = (uint64_t)mask << 32 | mask, word;
    size_t at = 0;

    for (; len - at >= sizeof(word); at += sizeof(word)) {
        memcpy(&word, from + at, sizeof(word));
        word ^= wide;
        memcpy(to + at, &word, sizeof(word));
    }
    return at;
}
#endif

void
mask_apply(char *to, const char *from, size_t len, uint32_t mask)
{
    char bytes[4];

    memcpy(bytes, &mask, sizeof(bytes));
    for (size_t at = mask_blocks(to, from, len, mask); at < len; at++)
        to[at] = (char)(from[at] ^ bytes[at & 3]);
}
