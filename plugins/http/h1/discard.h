/* Bodies that nobody wants: read and thrown away, up to a limit. */
#pragma once

#include "http/h1/batch.h"

/* The head of a request with a body that is answered by `reply`, once the body has been read.
 * Returns 0, or what http_h1_batch_reply() does. */
cold int http_h1_discard_begin(struct http_h1_batch *b, size_t head_len, unsigned reply,
                               enum http_persist persist);

/* Read on in such a body, and answer when it is complete unless that has been done. Returns
 * likewise. */
cold int http_h1_discard_body(struct http_h1_batch *b);

/* How much longer a body may take that was answered before its end, ns: its deadline has passed. */
uint64_t http_h1_discard_more_time(struct http_h1_batch *b);
