/* The functions that handlers call. */
#pragma once

#include <goevd/http.h>

extern const struct goevd_http http_api;

/* The checked functions for `goevd --strict`, in strict.c. */
const struct goevd_http *http_strict_api(const struct goevd_http *plain);
