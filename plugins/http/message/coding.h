/* Which content codings a client takes, RFC 9110 section 12.5.3. */
#pragma once

#include "http/message/request.h"

#define HTTP_CODING_FULL 1000

/* How much it wants one, in thousandths; 0: not at all.
 *
 * coding  in lower case; "identity" is the content as it is, which is 1 where the client does not
 *         speak of it: it comes after all that are taken.
 */
unsigned http_coding_weight(const struct http_request *req, const char *coding);
