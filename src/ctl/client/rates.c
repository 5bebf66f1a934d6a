#include "ctl/client/rates.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/client/fetch.h"
#include "ctl/client/print.h"

#define RATES_WAIT_S 1

/* ---- Words ----------------------------------------------------------------------------------- */

const char *
rates_rate(double n, char buf[RATES_TEXT_MAX])
{
    char amount[PRINT_AMOUNT_MAX];

    if (isnan(n))
        snprintf(buf, RATES_TEXT_MAX, "-");
    else if (n >= 999.5)
        snprintf(buf, RATES_TEXT_MAX, "%s", print_amount((uint64_t)n, amount));
    else
        snprintf(buf, RATES_TEXT_MAX, "%.*f", n >= 99.95 || n <= 0 ? 0 : n >= 9.995 ? 1 : 2, n);
    return buf;
}

const char *
rates_seconds(double s, char buf[RATES_TEXT_MAX])
{
    char amount[PRINT_AMOUNT_MAX];

    if (isnan(s))
        snprintf(buf, RATES_TEXT_MAX, "-");
    else if (s <= 0)
        snprintf(buf, RATES_TEXT_MAX, "0s");
    else if (s < 0.9995e-3)
        snprintf(buf, RATES_TEXT_MAX, "%.0fus", s * 1e6);
    else if (s < 0.9995)
        snprintf(buf, RATES_TEXT_MAX, "%.*fms", s < 9.95e-3 ? 1 : 0, s * 1e3);
    else
        snprintf(buf, RATES_TEXT_MAX, "%s", print_duration((uint64_t)(s * 1e3), amount));
    return buf;
}

void
rates_print(const struct rates *r, FILE *out)
{
    char requests[RATES_TEXT_MAX], errors[RATES_TEXT_MAX], p99[RATES_TEXT_MAX];

    if (isnan(r->requests))
        fprintf(out, "%s connections/s", rates_rate(r->accepted, requests));
    else
        fprintf(out, "%s requests/s, %s errors/s, p99 %s", rates_rate(r->requests, requests),
                rates_rate(r->errors, errors), rates_seconds(r->p99, p99));
}

/* ---- Reading --------------------------------------------------------------------------------- */

void
rates_read(char **fields, struct rates *ret)
{
    double *const places[] = {&ret->requests, &ret->errors, &ret->accepted, &ret->received,
                              &ret->sent,     &ret->open,   &ret->p50,      &ret->p99};

    for (size_t i = 0; i < ARRAY_LEN(places); i++)
        *places[i] = *fields[i] ? strtod(fields[i], NULL) : NAN;
}

bool
rates_fetch(const char *path, struct rates *ret)
{
    char *fields[RECORD_FIELDS_MAX], *line, *at;
    _cleanup_free_ char *text = NULL;
    bool found = false;

    if (fetch_within(path, "overview --brief", RATES_WAIT_S, &text) != 0)
        return false;
    for (at = text; (line = record_next(&at));) {
        record_split(line, fields);
        if (strcmp(fields[0], "total") != 0)
            continue;
        rates_read(fields + 1, ret);
        found = true;
    }
    return found;
}
