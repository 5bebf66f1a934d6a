#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ctl/client/print.h"

const char *
print_amount(uint64_t n, char buf[PRINT_AMOUNT_MAX])
{
    static const char units[] = "KMGTPE";
    double amount = (double)n;
    int unit = -1;

    while (amount >= 999.5 || (unit < 0 && n > 999)) {
        amount /= 1000;
        unit++;
    }
    if (unit < 0)
        snprintf(buf, PRINT_AMOUNT_MAX, "%" PRIu64, n);
    else
        snprintf(buf, PRINT_AMOUNT_MAX, amount < 9.95 ? "%.1f%c" : "%.0f%c", amount, units[unit]);
    return buf;
}

const char *
print_duration(uint64_t ms, char buf[PRINT_AMOUNT_MAX])
{
    uint64_t s = ms / 1000, minutes = s / 60, hours = minutes / 60;

    if (s < 10)
        snprintf(buf, PRINT_AMOUNT_MAX, "%" PRIu64 ".%" PRIu64 "s", s, ms % 1000 / 100);
    else if (minutes < 2)
        snprintf(buf, PRINT_AMOUNT_MAX, "%" PRIu64 "s", s);
    else if (hours < 2)
        snprintf(buf, PRINT_AMOUNT_MAX, "%" PRIu64 "m", minutes);
    else if (hours < 48)
        snprintf(buf, PRINT_AMOUNT_MAX, "%" PRIu64 "h", hours);
    else
        snprintf(buf, PRINT_AMOUNT_MAX, "%" PRIu64 "d", hours / 24);
    return buf;
}

const char *
print_time(uint64_t seconds, char buf[PRINT_TIME_MAX])
{
    time_t t = (time_t)seconds;
    struct tm tm;

    if (!gmtime_r(&t, &tm) || strftime(buf, PRINT_TIME_MAX, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
        strcpy(buf, "?");
    return buf;
}
