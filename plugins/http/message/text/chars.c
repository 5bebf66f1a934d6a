#include "http/message/text/chars.h"

#define V HTTP_CHARS_VALUE
#define Q (HTTP_CHARS_VALUE | HTTP_CHARS_QUERY)
#define P (HTTP_CHARS_VALUE | HTTP_CHARS_QUERY | HTTP_CHARS_PATH)
#define T HTTP_CHARS_TOKEN
#define H HTTP_CHARS_HOST
#define D (HTTP_CHARS_DIGIT | HTTP_CHARS_HEX)

const uint8_t http_chars_class[256] = {
    ['\t'] = V,
    [' '] = V,
    ['!'] = P | T | H,
    ['"'] = V,
    ['#'] = V | T,
    ['$' ... '\''] = P | T | H,
    ['(' ... ')'] = P | H,
    ['*' ... '+'] = P | T | H,
    [','] = P | H,
    ['-' ... '.'] = P | T | H,
    ['/'] = P,
    ['0' ... '9'] = P | T | H | D,
    [':'] = P,
    [';'] = P | H,
    ['<'] = V,
    ['='] = P | H,
    ['>'] = V,
    ['?'] = Q,
    ['@'] = P,
    ['A' ... 'F'] = P | T | H | HTTP_CHARS_HEX,
    ['G' ... 'Z'] = P | T | H,
    ['['] = P,
    ['\\'] = Q,
    [']'] = P,
    ['^'] = Q | T,
    ['_'] = P | T | H,
    ['`'] = Q | T,
    ['a' ... 'f'] = P | T | H | HTTP_CHARS_HEX,
    ['g' ... 'z'] = P | T | H,
    ['{'] = Q,
    ['|'] = P | T,
    ['}'] = Q,
    ['~'] = P | T | H,
    [0x80 ... 0xff] = V,
};

bool
http_chars_all(const char *data, size_t len, unsigned class)
{
    for (size_t i = 0; i < len; i++)
        if (!http_chars_is(data[i], class))
            return false;
    return true;
}

int
http_chars_hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static char
http_chars_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

bool
http_chars_equal_any(const char *a, const char *b, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (http_chars_lower(a[i]) != http_chars_lower(b[i]))
            return false;
    return true;
}
