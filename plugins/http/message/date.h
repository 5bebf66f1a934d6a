/* The Date header, RFC 9110 section 5.6.7. */
#pragma once

#include <stdint.h>

#define HTTP_DATE_LEN 29

/* "Sun, 06 Nov 1994 08:49:37 GMT", without a NUL.
 * seconds  since 1970, up to the end of the year 9999; what lies outside is clamped. */
void http_date_format(int64_t seconds, char ret_date[HTTP_DATE_LEN]);
