/* Between two callbacks of a connection: what is expected of the peer, and by when. */
#pragma once

#include "http/h1/batch.h"

/* Leave things as the next callback needs them. r is why no more was answered: 0, -EAGAIN,
 * -ENOBUFS, -EBUSY. */
cold void settle(struct turn *t, int r);

/* The peer has sent its last byte, and all that could be answered has been. Returns 0. */
int settle_end(struct turn *t);
