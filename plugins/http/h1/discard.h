/* Bodies that nobody wants: read and thrown away, up to a limit. */
#pragma once

#include "http/h1/batch.h"

/* The head of a request with a body that is answered by `reply`, once the body has been read.
 * Returns 0, or what turn_reply() does. */
cold int discard_begin(struct turn *t, size_t head_len, unsigned reply, enum http_persist persist);

/* Read on in such a body, and answer when it is complete unless that has been done. Returns
 * likewise. */
cold int discard_body(struct turn *t);
