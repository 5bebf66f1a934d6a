/* Header lines of a reply, each with CR LF, in one buffer. */
#pragma once

#include <stdbool.h>

#include "http/message/buffer.h"

struct http_line {
    struct http_span name;
    struct http_span value;
};

/* The line at *at, which is moved on; zero at first. False where there are no more. */
bool http_lines_next(const struct http_buffer *lines, size_t *at, struct http_line *ret);

/* Whether it has that name, which is in lower case. */
bool http_line_is(const struct http_line *line, const char *name);

/* Whether a line of that name has a token, both in lower case, in the list that it is. */
bool http_lines_have_token(const struct http_buffer *lines, const char *name, const char *token);

/* Take lines of these names out. */
void http_lines_drop(struct http_buffer *lines, const struct http_span *names, size_t count);

/* Add one. 0 or -ENOMEM, and then nothing is added. */
int http_lines_add(struct http_buffer *lines, struct http_span name, struct http_span value);
