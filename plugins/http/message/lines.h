/* Header lines of a reply, each with CR LF, in one buffer. */
#pragma once

#include <stdbool.h>

#include "http/message/buffer.h"

struct line {
    struct span name;
    struct span value;
};

/* The line at *at, which is moved on; zero at first. False where there are no more. */
bool lines_next(const struct buffer *lines, size_t *at, struct line *ret);

/* Whether it has that name, which is in lower case. */
bool line_is(const struct line *line, const char *name);

/* Whether a line of that name has a token, both in lower case, in the list that it is. */
bool lines_have_token(const struct buffer *lines, const char *name, const char *token);

/* Take lines of these names out. */
void lines_drop(struct buffer *lines, const struct span *names, size_t count);

/* Add one. 0 or -ENOMEM, and then nothing is added. */
int lines_add(struct buffer *lines, struct span name, struct span value);
