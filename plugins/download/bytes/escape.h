/* Escapes file names for URLs, HTML and JSON. */
#pragma once

#include <stdio.h>

#include <goevd/plugin.h>

#define DL_ESCAPE_PATH_FACTOR 3 /* largest growth of a path */

/* Percent-encode bytes that are not allowed in the path of a URL, RFC 3986 section 3.3, or are
 * special in HTML. Writes whole characters only. Returns the length, which is less than size. */
size_t dl_escape_path(struct goevd_str path, char *to, size_t size);

/* The same, but keeps the escapes of the raw path, because a reserved character has another meaning
 * when it is escaped, section 2.2. */
size_t dl_escape_path_as(struct goevd_str path, struct goevd_str raw, char *to, size_t size);

/* Write text for HTML, or for an attribute in double quotes. */
void dl_escape_html(FILE *out, const char *text);

/* Write a JSON string with its quotes. Each byte that is not UTF-8 becomes U+FFFD. */
void dl_escape_json(FILE *out, const char *text);
