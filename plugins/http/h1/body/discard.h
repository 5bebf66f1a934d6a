/* Bodies without a reader: they are received and discarded, up to a limit. */
#pragma once

#include "http/h1/output/batch.h"

/* Begin to discard the body of a request. Reply number `reply` is sent once the body is complete.
 * Returns 0, or the result of http_h1_batch_reply(). */
cold int http_h1_discard_begin(struct http_h1_batch *b, size_t head_len, unsigned reply,
                               enum http_persist persist);

/* Discard more of the body. Once the body is complete, send the reply unless it has been sent.
 * Returns likewise. */
cold int http_h1_discard_body(struct http_h1_batch *b);

/* Time by which to extend the expired deadline of a body that was answered early, in ns; 0: the
 * body is too slow. */
uint64_t http_h1_discard_more_time(struct http_h1_batch *b);
