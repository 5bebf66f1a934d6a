/* Text that is put together without memory, locks or a locale: the handler of a fatal signal may do
 * (signal-safety(7)), and others as well. */
#pragma once

#include <stdint.h>
#include <time.h>

#include "base/util.h"

/* Over memory of the caller's: {.data = buffer, .size = sizeof(buffer)}. Bytes that do not fit are
 * left out; nothing ends it but len. */
struct text {
    char *data;
    size_t size;
    size_t len;
};

void text_add(struct text *t, const char *string);

/* In decimal, with zeros in front up to `digits`. */
void text_add_number(struct text *t, uint64_t n, unsigned digits);

/* As in 0x2a. */
void text_add_hex(struct text *t, uint64_t n);

/* A time since 1970 in UTC, as in 2026-11-24T16:57:09.123Z. */
void text_add_time(struct text *t, const struct timespec *ts);

/* Characters, of UTF-8, that hold nothing apart: invalid bytes become U+FFFD, and of a character
 * that does not fit nothing is added. Control characters become blanks; in JSON, a string with its
 * quotes, they and all other special characters are escaped. */
void text_add_plain(struct text *t, const char *chars, size_t len);
void text_add_json(struct text *t, const char *chars, size_t len);

/* The first of them, at least one, as in a string of JSON: at most TEXT_JSON_CHAR_MAX bytes.
 * Returns how many bytes it was. */
#define TEXT_JSON_CHAR_MAX 6
size_t text_add_json_char(struct text *t, const char *chars, size_t len);

/* All of them, without the quotes around. */
void text_add_json_chars(struct text *t, const char *chars, size_t len);

/* A value behind `key=`: as it is where nothing in it needs quotes, else like JSON. */
void text_add_value(struct text *t, const char *chars, size_t len);
