/* The lines of GOEVD_METRICS_OVERVIEW: fields with tabs between them, texts escaped as in JSON. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define STATUS_FIELDS_MAX 16

struct status_records {
    char *at; /* the rest */
    char *fields[STATUS_FIELDS_MAX];
    size_t count; /* of fields, at least 1 */
};

/* Begin with a text that is changed in place. */
void status_records_begin(struct status_records *r, char *text);

/* The next line; missing fields are "". False: there is none. */
bool status_records_next(struct status_records *r);

/* Whether the present line is of that kind. */
bool status_records_is(const struct status_records *r, const char *kind);
