#include "http/message/chars.h"

#define V CHARS_VALUE
#define Q (CHARS_VALUE | CHARS_QUERY)
#define P (CHARS_VALUE | CHARS_QUERY | CHARS_PATH)
#define T CHARS_TOKEN
#define H CHARS_HOST
#define D (CHARS_DIGIT | CHARS_HEX)

const uint8_t chars_class[256] = {
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
    ['A' ... 'F'] = P | T | H | CHARS_HEX,
    ['G' ... 'Z'] = P | T | H,
    ['['] = P,
    ['\\'] = Q,
    [']'] = P,
    ['^'] = Q | T,
    ['_'] = P | T | H,
    ['`'] = Q | T,
    ['a' ... 'f'] = P | T | H | CHARS_HEX,
    ['g' ... 'z'] = P | T | H,
    ['{'] = Q,
    ['|'] = P | T,
    ['}'] = Q,
    ['~'] = P | T | H,
    [0x80 ... 0xff] = V,
};

bool
chars_all(const char *data, size_t len, unsigned class)
{
    for (size_t i = 0; i < len; i++)
        if (!chars_is(data[i], class))
            return false;
    return true;
}

int
chars_hex(char c)
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
chars_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

bool
chars_equal_any(const char *a, const char *b, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (chars_lower(a[i]) != chars_lower(b[i]))
            return false;
    return true;
}
