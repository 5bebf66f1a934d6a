/* Character classes of HTTP and of URIs. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http/message/util.h"

enum {
    HTTP_CHARS_TOKEN = 1 << 0, /* tchar, RFC 9110 section 5.6.2 */
    HTTP_CHARS_VALUE = 1 << 1, /* field-vchar, SP and HTAB, RFC 9110 section 5.5 */
    HTTP_CHARS_PATH = 1 << 2,  /* pchar and "/", RFC 3986 section 3.3; also [ ] |, which browsers do
                                * not encode in a path */
    HTTP_CHARS_QUERY = 1 << 3, /* HTTP_CHARS_PATH and "?"; also \ ^ ` { }, which browsers do not
                                * encode in a query */
    HTTP_CHARS_HOST = 1 << 4,  /* reg-name, RFC 3986 section 3.2.2 */
    HTTP_CHARS_DIGIT = 1 << 5,
    HTTP_CHARS_HEX = 1 << 6
};

extern const uint8_t http_chars_class[256];

static inline bool
http_chars_is(char c, unsigned class)
{
    return (http_chars_class[(uint8_t)c] & class);
}

/* Whether all bytes belong to a class; true for no bytes. */
bool http_chars_all(const char *data, size_t len, unsigned class);

/* The value of a hexadecimal digit; -1: no digit. */
int http_chars_hex(char c);

/* Compare bytes, ignoring ASCII case. */
bool http_chars_equal_any(const char *a, const char *b, size_t len);

/* The same for text without control characters and a `lower` without bytes from "@" to "_": then
 * setting bit 5 changes letters only. */
static inline bool
http_chars_equal_nocase(const char *data, const char *lower, size_t len)
{
    const uint64_t bits = UINT64_C(0x2020202020202020);

    if (len < 8) {
        for (size_t i = 0; i < len; i++)
            if ((data[i] | 0x20) != lower[i])
                return false;
        return true;
    }
    for (size_t i = 0; i + 8 < len; i += 8)
        if ((http_load64(data + i) | bits) != http_load64(lower + i))
            return false;
    return (http_load64(data + len - 8) | bits) == http_load64(lower + len - 8);
}
