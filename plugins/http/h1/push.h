/* Output that goes to the connection in pieces, because all of it may be more than its output_max
 * lets it queue. */
#pragma once

#include "http/exchange/wire.h"

/* Give the connection what it takes now of *len bytes at *at, which are moved on. Returns as
 * goevd_conn_write(), -ENOBUFS with a part taken. */
int http_h1_push_bytes(struct goevd_conn *c, const char **at, size_t *len);

/* Give it what it takes now of a segment, which is moved on; with 0 and 1 it is the connection's.
 * Returns as goevd_conn_write_shared(), -ENOBUFS with a part taken. */
int http_h1_push_segment(struct goevd_conn *c, struct http_segment *s);
