/* Helpers for every file of this plugin. */
#pragma once

#include <stdint.h>
#include <string.h>

#define NS_PER_S UINT64_C(1000000000)

#define ARRAY_LEN(array) (sizeof(array) / sizeof((array)[0]))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

#define likely(condition) __builtin_expect(!!(condition), 1)
#define unlikely(condition) __builtin_expect(!!(condition), 0)

/* hot: inlined into the path of every request. cold: hardly ever called. */
#define hot inline __attribute__((always_inline))
#define cold __attribute__((cold, noinline))

/* noinline: common slow paths that must not bloat the hot functions. */
#define aside __attribute__((noinline))

/* Bytes owned elsewhere. */
struct http_span {
    const char *data;
    size_t len;
};

/* Unaligned loads, for comparing several bytes at once. */
static inline uint16_t
http_load16(const char *p)
{
    uint16_t v;
    memcpy(&v, p, sizeof(v));
    return v;
}

static inline uint32_t
http_load32(const char *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof(v));
    return v;
}

static inline uint64_t
http_load64(const char *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof(v));
    return v;
}

/* Compares short spans, without a call for 8 to 16 bytes. */
static hot int
http_bytes_equal(const char *a, const char *b, size_t len)
{
    if (likely(len - 8 <= 8))
        return ((http_load64(a) ^ http_load64(b)) |
                (http_load64(a + len - 8) ^ http_load64(b + len - 8))) == 0;
    return memcmp(a, b, len) == 0;
}
