/* The functions that handlers call. */
#pragma once

#include <goevd/http.h>

extern const struct goevd_http http_api;

/* The same for handlers that are held to the rules: strict.c. */
const struct goevd_http *http_strict_api(const struct goevd_http *plain);
