/* The body of a request that a handler has: from its framing to the handler. */
#pragma once

#include "http/h1/link.h"

/* Hand on what has come. Returns as http_exchange_advance(). */
cold int http_h1_body(struct http_h1_batch *b);

/* After http_exchange_advance(), which returned r: what is waited for does not come after the end
 * of the input. Returns likewise. */
int http_h1_advanced(struct http_h1_batch *b, struct http_exchange *x, int r);
