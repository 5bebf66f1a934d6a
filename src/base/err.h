/* Errors that carry a sentence: the failure, its object, its cause. */
#pragma once

#include "base/util.h"

#define ERR_TEXT_MAX 512

struct err {
    int code; /* negative errno, 0 if unset */
    char text[ERR_TEXT_MAX];
};

/* Fill reterr, which may be NULL, and return code. The first error stays: a second is ignored. */
int err_set(struct err *reterr, int code, const char *format, ...) PRINTF(3, 4);

/* The same, with ": " and the words for code at the end. */
int err_set_errno(struct err *reterr, int code, const char *format, ...) PRINTF(3, 4);

/* errno's words, thread-safe; code may be negative. */
const char *err_words(int code);

/* The remedy for a file that, because of this errno, cannot be opened or written. */
const char *err_advice(int code);

/* The text without the `key: ` that begins it, for where the key is printed anyway. */
const char *err_reason(const struct err *err, const char *key);
