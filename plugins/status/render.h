/* An overview of goevd for people and for programs. */
#pragma once

#include <stdio.h>

#include "status/records.h"

/* A text of a record, which is escaped as in JSON, for HTML. */
void status_html_text(FILE *out, const char *text);

/* A page. Its style and script run only with that nonce. The text of the records is changed. */
void status_page(FILE *out, char *records, const char *nonce);

/* The same as JSON. */
void status_json(FILE *out, char *records);
