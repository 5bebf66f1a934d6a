/* Content by reference that goes out in several pieces: it is released when the last one is gone.
 */
#pragma once

#include "http/exchange/wire.h"

/* From now on a segment may go out in pieces, each of which has its `release` and `arg`. 0 or
 * -ENOMEM. */
int http_pieces_begin(struct http_segment *s);

/* No piece has gone out, and none will: the segment is as it was before http_pieces_begin(). */
void http_pieces_undo(struct http_segment *s);

/* The first len bytes were copied: they are no longer the segment's, which is released if it is
 * empty now. */
void http_pieces_skip(struct http_segment *s, size_t len);

/* Queue the first len bytes, which are then no longer the segment's. Returns as
 * goevd_conn_write(). */
int http_pieces_write(struct goevd_conn *c, struct http_segment *s, size_t len);
