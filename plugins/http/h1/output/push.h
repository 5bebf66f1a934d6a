/* Writes output in pieces where it may be larger than the connection's output_max. */
#pragma once

#include "http/exchange/wire.h"

/* Write as many of the *len bytes at *at as the connection takes, and advance both. Returns as
 * goevd_conn_write(); -ENOBUFS: a part has been taken. */
int http_h1_push_bytes(struct goevd_conn *c, const char **at, size_t *len);

/* Write as much of a segment as the connection takes, and advance it. With 0 and 1 the connection
 * owns the segment. Returns as goevd_conn_write_shared(); -ENOBUFS: a part has been taken. */
int http_h1_push_segment(struct goevd_conn *c, struct http_segment *s);
