/* Names of files in other languages. */
#pragma once

#include <stdio.h>

#include <goevd/plugin.h>

#define DL_ESCAPE_PATH_FACTOR 3 /* the most bytes that one becomes */

/* Percent-encode what cannot stand in the path of a URL, RFC 3986 section 3.3, or means something
 * in the text of HTML. Whole characters alone are written. Returns the length, which is less than
 * size. */
size_t dl_escape_path(struct goevd_str path, char *to, size_t size);

/* The same; what was escaped in the raw path stays so, for what is reserved means something else
 * then, section 2.2. */
size_t dl_escape_path_as(struct goevd_str path, struct goevd_str raw, char *to, size_t size);

/* As text of HTML, or the value of an attribute in double quotes. */
void dl_escape_html(FILE *out, const char *text);

/* As a string of JSON with its quotes. What is not UTF-8 becomes U+FFFD, byte by byte. */
void dl_escape_json(FILE *out, const char *text);
