/* The functions that handlers call. */
#pragma once

#include <goevd/http.h>

extern const struct goevd_http http_table;
