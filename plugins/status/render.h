/* Renders the overview of goevd as a page and as JSON. */
#pragma once

#include <stdio.h>

#include "status/records.h"

/* Write a text of a record, which is escaped as in JSON, as HTML. */
void status_html_text(FILE *out, const char *text);

/* Write the page. Only style and script with the nonce are executed. Changes the text of the
 * records. */
void status_page(FILE *out, char *records, const char *nonce);

/* Write the JSON. */
void status_json(FILE *out, char *records);
