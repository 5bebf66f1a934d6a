#include "websocket/utf8.h"

#include <errno.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>

static const char *
utf8_ascii_blocks(const char *p, const char *end)
{
    for (; end - p >= 32; p += 32) {
        __m128i a = _mm_loadu_si128((const __m128i *)(const void *)p);
        __m128i b = _mm_loadu_si128((const __m128i *)(const void *)(p + 16));

        if (_mm_movemask_epi8(_mm_or_si128(a, b)) != 0)
            return p;
    }
    return p;
}
#else
static const char *
utf8_ascii_blocks(const char *p, const char *end)
{
    (void)end;
    return p;
}
#endif

/* Where ASCII ends, or earlier. */
static const char *
utf8_ascii(const char *p, const char *end)
{
    uint64_t word;

    for (p = utf8_ascii_blocks(p, end); end - p >= (ptrdiff_t)sizeof(word); p += sizeof(word)) {
        memcpy(&word, p, sizeof(word));
        if ((word & UINT64_C(0x8080808080808080)) != 0)
            return p;
    }
    return p;
}

/* The first byte of a character, and so what the second may be: no longer form than needed, no
 * surrogates, nothing above U+10FFFF. */
static int
utf8_begin(struct utf8 *u, uint8_t byte)
{
    *u = (struct utf8){.first = 0x80, .last = 0xbf};
    if (byte < 0x80)
        return 0;
    if (byte < 0xc2 || byte > 0xf4)
        return -EILSEQ;
    u->need = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
    if (byte == 0xe0)
        u->first = 0xa0;
    else if (byte == 0xed)
        u->last = 0x9f;
    else if (byte == 0xf0)
        u->first = 0x90;
    else if (byte == 0xf4)
        u->last = 0x8f;
    return 0;
}

static int
utf8_byte(struct utf8 *u, uint8_t byte)
{
    if (u->need == 0)
        return utf8_begin(u, byte);
    if (byte < u->first || byte > u->last)
        return -EILSEQ;
    *u = (struct utf8){(uint8_t)(u->need - 1), 0x80, 0xbf};
    return 0;
}

int
utf8_check(struct utf8 *u, const char *data, size_t len)
{
    const char *p = data, *end = data + len;
    struct utf8 now = *u; /* in registers: p could point to *u */
    int r = 0;

    while (r == 0 && p != end) {
        if (now.need == 0)
            p = utf8_ascii(p, end);
        /* to the end of a character, and of what is too short for blocks */
        for (; r == 0 && p != end && (now.need != 0 || (*p & 0x80) != 0 || end - p < 8); p++)
            r = utf8_byte(&now, (uint8_t)*p);
        if (r == 0 && p != end)
            r = utf8_byte(&now, (uint8_t)*p++);
    }
    *u = now;
    return r;
}
