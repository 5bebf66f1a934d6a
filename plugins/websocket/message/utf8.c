#include "websocket/message/utf8.h"

#include <endian.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>

static const char *
ws_utf8_ascii_blocks(const char *p, const char *end)
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
ws_utf8_ascii_blocks(const char *p, const char *end)
{
    (void)end;
    return p;
}
#endif

/* The end of a run of ASCII, or a position before it. */
static const char *
ws_utf8_ascii(const char *p, const char *end)
{
    uint64_t word;

    for (p = ws_utf8_ascii_blocks(p, end); end - p >= (ptrdiff_t)sizeof(word); p += sizeof(word)) {
        memcpy(&word, p, sizeof(word));
        if ((word & UINT64_C(0x8080808080808080)) != 0)
            return p;
    }
    return p;
}

/* Whether `word` is a character of four bytes, U+10000 to U+10FFFF: its plane is 1 to 16. */
static bool
ws_utf8_is_four(uint32_t word)
{
    uint32_t plane = (word & 7) << 2 | (word >> 12 & 3);

    return (word & 0xc0c0c0f8) == 0x808080f0 && plane >= 1 && plane <= 16;
}

/* The end of a run of multi-byte characters, or a position before it. Checks a word at a time; may
 * skip up to four bytes of ASCII behind the run. */
static const char *
ws_utf8_wide(const char *p, const char *end)
{
    uint32_t word;

    while (end - p >= (ptrdiff_t)sizeof(word)) {
        memcpy(&word, p, sizeof(word));
        word = le32toh(word);
        if ((word & 0x80808080) == 0)
            return p + 4;
        if ((word & 0x80) == 0)
            p += 1;
        else if ((word & 0xc0e0) == 0x80c0 && (word & 0x1e) != 0)
            p += 2;
        else if ((word & 0xc0c0f0) == 0x8080e0 && (word & 0x200f) != 0 && (word & 0x200f) != 0x200d)
            p += 3; /* neither overlong nor a surrogate */
        else if (ws_utf8_is_four(word))
            p += 4;
        else
            return p;
    }
    return p;
}

/* Handle the first byte of a character: set the range of the second byte, which excludes overlong
 * forms, surrogates, and code points above U+10FFFF. */
static int
ws_utf8_begin(struct ws_utf8 *u, uint8_t byte)
{
    *u = (struct ws_utf8){.first = 0x80, .last = 0xbf};
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
ws_utf8_byte(struct ws_utf8 *u, uint8_t byte)
{
    if (u->need == 0)
        return ws_utf8_begin(u, byte);
    if (byte < u->first || byte > u->last)
        return -EILSEQ;
    *u = (struct ws_utf8){(uint8_t)(u->need - 1), 0x80, 0xbf};
    return 0;
}

int
ws_utf8_check(struct ws_utf8 *u, const char *data, size_t len)
{
    const char *p = data, *end = data + len;
    struct ws_utf8 now = *u; /* a local copy stays in registers: p could alias *u */
    int r = 0;

    while (r == 0 && p != end) {
        if (now.need == 0)
            p = ws_utf8_wide(ws_utf8_ascii(p, end), end);
        if (p != end) /* malformed, too short for a word, or continued in the next piece */
            r = ws_utf8_byte(&now, (uint8_t)*p++);
    }
    *u = now;
    return r;
}
