/* Headers that a reply by a handler or by the options may set. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Whether the server sets this header itself: framing headers, Date and the like. */
bool http_field_is_ours(const char *name, size_t len);

bool http_field_name_valid(const char *name, size_t len);
bool http_field_value_valid(const char *value, size_t len);
