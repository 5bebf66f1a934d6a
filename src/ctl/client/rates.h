/* Present rates, from the `total` of ctl/overview.h. */
#pragma once

#include <stdio.h>

#include "ctl/record.h"

/* Of the worker that serves, for the first line of status. NAN: it is not known. */
struct rates {
    double requests, errors, accepted, received, sent; /* per second */
    double open;
    double p50, p99; /* seconds */
};

/* Ask the worker that serves. False: it does not answer within a second. */
bool rates_fetch(const char *path, struct rates *ret);

/* From the fields behind `total`. */
void rates_read(char **fields, struct rates *ret);

/* "12.3 requests/s, 0 errors/s, p99 1.2ms"; without HTTP "1.5 connections/s". */
void rates_print(const struct rates *r, FILE *out);

#define RATES_TEXT_MAX 24

/* At most seven characters: 0.52, 12.3, 1.2K; 850us, 1.2ms, 34ms, 3h. NAN: "-". */
const char *rates_rate(double per_second, char buf[RATES_TEXT_MAX]);
const char *rates_seconds(double seconds, char buf[RATES_TEXT_MAX]);
