/* What may stand in a header of a reply that somebody else has written. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Headers that say how the message is framed, or what the server does by itself. */
bool http_field_is_ours(const char *name, size_t len);

bool http_field_name_valid(const char *name, size_t len);
bool http_field_value_valid(const char *value, size_t len);
