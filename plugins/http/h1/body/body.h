/* The body of a request that has a handler: decodes its framing and passes the content on. */
#pragma once

#include "http/h1/link.h"

/* Pass the received part of the body to the handler. Returns as http_exchange_advance() does. */
cold int http_h1_body(struct http_h1_batch *b);

/* Finish after http_exchange_advance(), which returned r. If the client has closed its side, a
 * handler that still waits for the body gets an error. Returns likewise. */
int http_h1_advanced(struct http_h1_batch *b, struct http_exchange *x, int r);
