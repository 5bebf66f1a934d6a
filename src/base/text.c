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
