/* Between two callbacks of a connection: what is expected of the peer, and by when. */
#pragma once

#include "http/h1/batch.h"

/* Leave things as the next callback needs them. r is why no more was answered: 0, -EAGAIN,
 * -ENOBUFS, -EBUSY. */
cold void http_h1_expect(struct http_h1_batch *b, int r);

/* The peer has sent its last byte, and all that could be answered has been. Returns 0. */
int http_h1_expect_end(struct http_h1_batch *b);
