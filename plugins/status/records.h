/* Reads the lines of GOEVD_METRICS_OVERVIEW: fields separated by tabs, with texts escaped as in
 * JSON. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define STATUS_FIELDS_MAX 16

struct status_records {
    char *at; /* rest of the text */
    char *fields[STATUS_FIELDS_MAX];
    size_t count; /* number of fields, at least 1 */
};

/* Begin to read a text, which is changed in place. */
void status_records_begin(struct status_records *r, char *text);

/* Read the next line; missing fields are "". False: there are no more lines. */
bool status_records_next(struct status_records *r);

/* Whether the current line is of that kind. */
bool status_records_is(const struct status_records *r, const char *kind);
