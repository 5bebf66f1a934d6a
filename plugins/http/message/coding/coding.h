/* The content codings that a client accepts, RFC 9110 section 12.5.3. */
#pragma once

#include "http/message/request.h"

#define HTTP_CODING_FULL 1000

/* The weight of a coding in thousandths; 0: not accepted.
 *
 * coding  In lower case. "identity" is unencoded content. Its weight is 1 unless the client
 *         specifies another one, so that any accepted coding is preferred.
 */
unsigned http_coding_weight(const struct http_request *req, const char *coding);
