/* Replies that goevd ctl reads and prints: records, one a line, of fields with a tab between them.
 * A text is escaped as in JSON, so that no field has a tab or a newline, and is fit for a terminal.
 */
#pragma once

#include <inttypes.h>
#include <stdio.h>

#include "base/util.h"

#define RECORD_FIELDS_MAX 16

/* The first field is the kind of the record. */
void record_begin(FILE *out, const char *kind);
void record_text(FILE *out, const char *text); /* NULL: empty */
void record_number(FILE *out, uint64_t number);
void record_decimal(FILE *out, double number, int digits); /* NAN: empty */
void record_end(FILE *out);

/* Split a line in place. Returns how many fields it has; those that are missing are "". */
unsigned record_split(char *line, char *ret_fields[RECORD_FIELDS_MAX]);

struct record {
    char *fields[RECORD_FIELDS_MAX];
};

/* Split all lines of a reply. Returns how many there are, `max` at the most. */
unsigned record_split_all(char *text, struct record *ret, unsigned max);

/* The next line of a reply, without its newline, and where the one after it begins; NULL: none. */
char *record_next(char **at);
