#include "status/number.h"

#include <stdlib.h>
#include <string.h>

enum status_kind
status_kind_of(const char *name)
{
    static const char *const names[] = {
        [STATUS_COUNT] = "count", [STATUS_RATE] = "rate", [STATUS_SECONDS] = "seconds"};

    for (enum status_kind kind = STATUS_COUNT; kind <= STATUS_SECONDS; kind++)
        if (strcmp(name, names[kind]) == 0)
            return kind;
    return STATUS_TEXT;
}

/* Write thousands separators. */
static void
status_number_grouped(FILE *out, double n)
{
    char digits[64];
    size_t len = (size_t)snprintf(digits, sizeof(digits), "%.0f", n);
    size_t sign = digits[0] == '-';

    for (size_t i = 0; i < len && i < sizeof(digits); i++) {
        if (i > sign && (len - i) % 3 == 0)
            fputc(',', out);
        fputc(digits[i], out);
    }
}

/* Write three significant digits. */
static void
status_number_short(FILE *out, double n, const char *unit)
{
    if (n >= 100)
        status_number_grouped(out, n);
    else
        fprintf(out, "%.*f", n >= 10 ? 1 : n > 0 ? 2 : 0, n);
    fputs(unit, out);
}

static void
status_number_bytes(FILE *out, double n)
{
    static const char *const units[] = {" B", " KiB", " MiB", " GiB", " TiB"};
    size_t unit = 0;

    while (n >= 1000 && unit + 1 < sizeof(units) / sizeof(units[0])) {
        n /= 1024;
        unit++;
    }
    status_number_short(out, n, units[unit]);
}

static void
status_number_seconds(FILE *out, double s)
{
    if (s < 1e-3)
        status_number_short(out, s * 1e6, " µs");
    else if (s < 1)
        status_number_short(out, s * 1e3, " ms");
    else if (s < 120)
        status_number_short(out, s, " s");
    else if (s < 7200)
        fprintf(out, "%.0f min", s / 60);
    else if (s < 172800)
        fprintf(out, "%.0f h", s / 3600);
    else
        fprintf(out, "%.0f days", s / 86400);
}

void
status_number(FILE *out, enum status_kind kind, const char *value)
{
    double n = strtod(value, NULL);

    if (*value == '\0')
        fputs("–", out);
    else if (kind == STATUS_COUNT)
        status_number_grouped(out, n);
    else if (kind == STATUS_RATE)
        status_number_short(out, n, "");
    else if (kind == STATUS_BYTES)
        status_number_bytes(out, n);
    else
        status_number_seconds(out, n);
}
