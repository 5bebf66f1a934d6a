/* The Date header, RFC 9110 section 5.6.7. */
#pragma once

#include <stdint.h>

#define HTTP_DATE_LEN 29

/* Format a date as "Sun, 06 Nov 1994 08:49:37 GMT", without a NUL.
 *
 * seconds  Since 1970; clamped to the years 1970 to 9999.
 */
void http_date_format(int64_t seconds, char ret_date[HTTP_DATE_LEN]);
