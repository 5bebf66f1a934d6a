/* Status codes of replies, RFC 9110 section 15. */
#pragma once

#include <stdbool.h>

/* The reason phrase of a status code, RFC 9110 section 15; "" for an unregistered one. */
const char *http_status_phrase(int status);

/* Whether replies of this status may have content; 204 and 304 may not. */
bool http_status_has_content(int status);
