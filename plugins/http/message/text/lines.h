/* Header lines of a reply, each with CR LF, in one buffer. */
#pragma once

#include <stdbool.h>

#include "http/message/text/buffer.h"

struct http_line {
    struct http_span name;
    struct http_span value;
};

/* Read the line at *at, which is 0 at first and is advanced. False: there are no more lines. */
bool http_lines_next(const struct http_buffer *lines, size_t *at, struct http_line *ret);

/* Whether the line has that name, given in lower case. */
bool http_line_is(const struct http_line *line, const char *name);

/* Whether a line of that name has a token in its list; both in lower case. */
bool http_lines_have_token(const struct http_buffer *lines, const char *name, const char *token);

/* Remove the lines of these names. */
void http_lines_drop(struct http_buffer *lines, const struct http_span *names, size_t count);

/* Append a line. 0; -ENOMEM: nothing was added. */
int http_lines_add(struct http_buffer *lines, struct http_span name, struct http_span value);
