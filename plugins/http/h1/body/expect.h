/* Between two callbacks of a connection: sets the deadline, and pauses reading or closes. */
#pragma once

#include "http/h1/output/batch.h"

/* Prepare the connection for its next callback. r is the reason for which answering stopped: 0,
 * -EAGAIN, -ENOBUFS or -EBUSY. */
cold void http_h1_expect(struct http_h1_batch *b, int r);

/* The client has closed its side, and every complete request has been answered. Returns 0. */
int http_h1_expect_end(struct http_h1_batch *b);
