#include "base/text.h"

#include <string.h>

#define DAY_S 86400

void
text_add(struct text *t, const char *string)
{
    size_t len = MIN(strlen(string), t->size - t->len);

    memcpy(t->data + t->len, string, len);
    t->len += len;
}

static void
text_add_digits(struct text *t, uint64_t n, unsigned base, unsigned digits)
{
    char reversed[64], *to = reversed + sizeof(reversed);

    *--to = '\0';
    for (unsigned i = 0; i < digits || n > 0; i++, n /= base)
        *--to = "0123456789abcdef"[n % base];
    text_add(t, to);
}

void
text_add_number(struct text *t, uint64_t n, unsigned digits)
{
    text_add_digits(t, n, 10, MAX(digits, 1));
}

void
text_add_hex(struct text *t, uint64_t n)
{
    text_add(t, "0x");
    text_add_digits(t, n, 16, 1);
}

static bool
text_is_leap(unsigned year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* gmtime_r(3) takes a lock. */
static void
text_add_date(struct text *t, uint64_t days)
{
    static const uint8_t months[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    unsigned year = 1970, month = 0, n;

    for (; days >= (n = 365 + text_is_leap(year)); year++)
        days -= n;
    for (; days >= (n = months[month] + (month == 1 && text_is_leap(year))); month++)
        days -= n;
    text_add_number(t, year, 4);
    text_add(t, "-");
    text_add_number(t, month + 1, 2);
    text_add(t, "-");
    text_add_number(t, days + 1, 2);
}

void
text_add_time(struct text *t, const struct timespec *ts)
{
    uint64_t seconds = (uint64_t)ts->tv_sec, of_day = seconds % DAY_S;

    text_add_date(t, seconds / DAY_S);
    text_add(t, "T");
    text_add_number(t, of_day / 3600, 2);
    text_add(t, ":");
    text_add_number(t, of_day / 60 % 60, 2);
    text_add(t, ":");
    text_add_number(t, of_day % 60, 2);
    text_add(t, ".");
    text_add_number(t, (uint64_t)ts->tv_nsec / NS_PER_MS, 3);
    text_add(t, "Z");
}

/* ---- Characters ------------------------------------------------------------------------------ */

#define CHAR_UNKNOWN "\xef\xbf\xbd" /* U+FFFD */

/* How many bytes the first character has; 0: it is none, as RFC 3629 counts. */
static size_t
text_char_bytes(const unsigned char *s, size_t len)
{
    size_t n = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;

    if (n == 0 || n > len || s[0] > 0xf4)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) || /* long; surrogates */
        (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
        return 0;
    return n;
}

/* Those of ASCII, and U+0080 to U+009f, which terminals obey too. */
static bool
text_is_control(const unsigned char *s, size_t n)
{
    return s[0] < ' ' || s[0] == 0x7f || (n == 2 && s[0] == 0xc2 && s[1] < 0xa0);
}

static bool
text_add_whole(struct text *t, const char *bytes, size_t len)
{
    if (len > t->size - t->len)
        return false;
    memcpy(t->data + t->len, bytes, len);
    t->len += len;
    return true;
}

static bool
text_add_escaped(struct text *t, const unsigned char *s, size_t n)
{
    char escape[8] = {'\\', (char)s[0]};
    struct text number = {.data = escape + 2, .size = sizeof(escape) - 2};

    if (s[0] == '"' || s[0] == '\\')
        return text_add_whole(t, escape, 2);
    if (s[0] == '\n')
        return text_add_whole(t, "\\n", 2);
    escape[1] = 'u';
    text_add_digits(&number, s[n - 1], 16, 4); /* below U+0100 the last byte decides */
    return text_add_whole(t, escape, 6);
}

/* Add the character of n bytes at the beginning, if it fits. */
static bool
text_add_char(struct text *t, const unsigned char *s, size_t n, bool json)
{
    if (n == 0)
        return text_add_whole(t, CHAR_UNKNOWN, strlen(CHAR_UNKNOWN));
    if (json && (text_is_control(s, n) || *s == '"' || *s == '\\'))
        return text_add_escaped(t, s, n);
    if (text_is_control(s, n))
        return text_add_whole(t, " ", 1);
    return text_add_whole(t, (const char *)s, n);
}

static void
text_add_chars(struct text *t, const char *chars, size_t len, bool json)
{
    const unsigned char *s = (const unsigned char *)chars;
    bool fits = true;

    while (len > 0 && fits) {
        size_t n = text_char_bytes(s, len);

        fits = text_add_char(t, s, n, json);
        s += MAX(n, 1);
        len -= MAX(n, 1);
    }
}

size_t
text_add_json_char(struct text *t, const char *chars, size_t len)
{
    const unsigned char *s = (const unsigned char *)chars;
    size_t n = text_char_bytes(s, len);

    text_add_char(t, s, n, true);
    return MAX(n, 1);
}

void
text_add_plain(struct text *t, const char *chars, size_t len)
{
    text_add_chars(t, chars, len, false);
}

void
text_add_json_chars(struct text *t, const char *chars, size_t len)
{
    text_add_chars(t, chars, len, true);
}

void
text_add_json(struct text *t, const char *chars, size_t len)
{
    if (t->size - t->len < 2)
        return;
    text_add(t, "\"");
    t->size--;
    text_add_chars(t, chars, len, true);
    t->size++;
    text_add(t, "\"");
}

void
text_add_value(struct text *t, const char *chars, size_t len)
{
    bool bare = len > 0;

    for (size_t i = 0; bare && i < len; i++)
        bare = chars[i] > ' ' && chars[i] < 0x7f && !strchr("\"=\\", chars[i]);
    if (bare)
        text_add_plain(t, chars, len);
    else
        text_add_json(t, chars, len);
}
