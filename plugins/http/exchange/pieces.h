/* Content by reference that is sent in several pieces. It is released after the last piece. */
#pragma once

#include "http/exchange/wire.h"

/* Prepare a segment for pieces: each gets its own `release` and `arg`. 0 or -ENOMEM. */
int http_pieces_begin(struct http_segment *s);

/* Restore the segment as before http_pieces_begin(), because no piece was or will be sent. */
void http_pieces_undo(struct http_segment *s);

/* The first len bytes were copied: they are no longer the segment's, which is released if it is
 * empty now. */
void http_pieces_skip(struct http_segment *s, size_t len);

/* Queue the first len bytes, and remove them from the segment. Returns as goevd_conn_write(). */
int http_pieces_write(struct goevd_conn *c, struct http_segment *s, size_t len);
