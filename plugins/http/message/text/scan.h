/* Finds the first byte outside a character class, 16 bytes at a time if the machine can.
 *
 * Each function looks at [p, end) and returns its stop, at most end. It may stop too early, because
 * the vectorized set is narrower than the class. The callers' loops over chars_class continue from
 * there and decide. */
#pragma once

#include "http/message/text/chars.h"
#include "http/message/util.h"

/* Observations of http_scan_target(). */
struct http_scan_target {
    const char *query; /* the first "?", or NULL */
    unsigned odd;      /* not 0: there may be "%", "//" or "/." */
};

#ifdef __SSE2__

#include <emmintrin.h>

static inline __m128i
http_scan_load(const char *p)
{
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}

/* 0xff in each byte of v within [first, last]. */
static inline __m128i
http_scan_within(__m128i v, uint8_t first, uint8_t last)
{
    __m128i from = _mm_sub_epi8(v, _mm_set1_epi8((char)first));

    return _mm_cmpeq_epi8(_mm_min_epu8(from, _mm_set1_epi8((char)(last - first))), from);
}

static inline __m128i
http_scan_equal(__m128i v, char c)
{
    return _mm_cmpeq_epi8(v, _mm_set1_epi8(c));
}

static inline unsigned
http_scan_mask(__m128i v)
{
    return (unsigned)_mm_movemask_epi8(v);
}

/* Number of low bits, of 16, that are set before the first clear one. */
static inline unsigned
http_scan_run(unsigned mask)
{
    return (unsigned)__builtin_ctz(~mask);
}

/* Letters, digits and "-". */
static inline const char *
http_scan_token_fast(const char *p, const char *end)
{
    while (end - p >= 16) {
        __m128i v = http_scan_load(p);
        __m128i letters = http_scan_within(_mm_or_si128(v, _mm_set1_epi8(0x20)), 'a', 'z');
        __m128i others = _mm_or_si128(http_scan_within(v, '0', '9'), http_scan_equal(v, '-'));
        unsigned run = http_scan_run(http_scan_mask(_mm_or_si128(letters, others)));

        p += run;
        if (run < 16)
            break;
    }
    return p;
}

/* HTTP_CHARS_VALUE without HTAB, which is rare. */
static inline const char *
http_scan_value_fast(const char *p, const char *end)
{
    while (end - p >= 16) {
        __m128i v = http_scan_load(p);
        __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(0x1f)), v);
        unsigned bad = http_scan_mask(_mm_or_si128(control, http_scan_equal(v, 0x7f)));

        if (bad != 0)
            return p + __builtin_ctz(bad);
        p += 16;
    }
    return p;
}

/* Most of HTTP_CHARS_PATH, and "?". p[-1] is readable. */
static inline const char *
http_scan_target_fast(const char *p, const char *end, struct http_scan_target *s)
{
    while (end - p >= 16) {
        __m128i v = http_scan_load(p);
        __m128i letters = http_scan_within(_mm_or_si128(v, _mm_set1_epi8(0x20)), 'a', 'z');
        __m128i question = http_scan_equal(v, '?');
        __m128i others =
            _mm_or_si128(question, _mm_or_si128(http_scan_equal(v, '_'), http_scan_equal(v, '=')));
        __m128i good = _mm_or_si128(_mm_or_si128(letters, others), http_scan_within(v, '$', ';'));
        __m128i slash = http_scan_equal(v, '/');
        __m128i dot_or_slash = _mm_or_si128(slash, http_scan_equal(v, '.'));
        unsigned run = http_scan_run(http_scan_mask(good));
        unsigned within = (1U << run) - 1;
        unsigned after_slash = http_scan_mask(slash) << 1 | (p[-1] == '/');
        unsigned query = http_scan_mask(question) & within;

        s->odd |= (http_scan_mask(http_scan_equal(v, '%')) |
                   (after_slash & http_scan_mask(dot_or_slash))) &
                  within;
        if (unlikely(query != 0) && !s->query)
            s->query = p + __builtin_ctz(query);
        p += run;
        if (run < 16)
            break;
    }
    return p;
}

#else

static inline const char *
http_scan_token_fast(const char *p, const char *end)
{
    (void)end;
    return p;
}

static inline const char *
http_scan_value_fast(const char *p, const char *end)
{
    (void)end;
    return p;
}

static inline const char *
http_scan_target_fast(const char *p, const char *end, struct http_scan_target *s)
{
    (void)end, (void)s;
    return p;
}

#endif

/* The end of a token. */
static inline const char *
http_scan_token(const char *p, const char *end)
{
    p = http_scan_token_fast(p, end);
    while (p < end && http_chars_is(*p, HTTP_CHARS_TOKEN))
        p++;
    return p;
}

/* The end of a field value, including the white space around it. */
static inline const char *
http_scan_value(const char *p, const char *end)
{
    p = http_scan_value_fast(p, end);
    while (p < end && http_chars_is(*p, HTTP_CHARS_VALUE))
        p++;
    return p;
}

/* The end of a request target. p[-1] is readable; *s is set. */
static inline const char *
http_scan_target(const char *p, const char *end, struct http_scan_target *s)
{
    *s = (struct http_scan_target){0};
    p = http_scan_target_fast(p, end, s);
    for (; p < end; p++) {
        if (*p == '?' && !s->query)
            s->query = p;
        else if (!http_chars_is(*p, !s->query ? HTTP_CHARS_PATH : HTTP_CHARS_QUERY))
            break;
        s->odd |= *p == '%' || (p[-1] == '/' && (*p == '/' || *p == '.'));
    }
    return p;
}
