/* Scalars: `64KiB`, `75s`, `100KiB/s`, `yes`, `42`.
 *
 * Texts are NUL-terminated. A parser returns 0 with *ret_value, -EINVAL for malformed text or
 * -ERANGE where the value does not fit 64 bits, with a sentence in reterr.
 */
#pragma once

#include <goevd/plugin.h>

#include "base/err.h"

int value_parse_bool(struct goevd_str text, bool *ret_value, struct err *reterr);

/* By type: one of INT, SIZE, DURATION, RATE. */
int value_parse_number(enum goevd_option_type type, struct goevd_str text, int64_t *ret_value,
                       struct err *reterr);

#define VALUE_TEXT_MAX 48

struct value_text {
    char text[VALUE_TEXT_MAX];
};

/* A number as YAML that parses to the same: in the largest unit that divides it, or in the unit
 * of `like` (the user's own text) where that one divides it. */
struct value_text value_format(enum goevd_option_type type, int64_t value);
struct value_text value_format_like(enum goevd_option_type type, int64_t value,
                                    struct goevd_str like);

/* The value of a scalar option, in its slot, as a text that the option takes. It is the value's
 * own, a constant, or in buf. */
const char *value_text(const struct goevd_option *option, const void *slot, struct value_text *buf);

/* "an integer", "a size such as 64KiB", … */
const char *value_words(enum goevd_option_type type);
