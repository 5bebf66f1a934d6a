/* Budgets against clients that cost more than they pay: libnghttp2 1.52 has few limits of its own.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct http_h2_conn;

/* Why a connection ends. */
enum http_h2_guard_reason { HTTP_H2_GUARD_NONE, HTTP_H2_GUARD_RESETS, HTTP_H2_GUARD_GLITCHES };

struct http_h2_guard {
    int64_t resets;   /* streams that ended early, less those that ended well */
    int64_t glitches; /* frames without use, less those that paid for them */
    enum http_h2_guard_reason reason;
};

/* A frame header has come. */
void http_h2_guard_frame(struct http_h2_conn *conn, uint8_t type, uint8_t flags, size_t len);

/* A frame with content was sent: the client may give its bytes back to two windows. */
void http_h2_guard_sent(struct http_h2_conn *conn);

/* A stream was reset, by either side, or refused; and one has ended well. */
void http_h2_guard_reset(struct http_h2_conn *conn);
void http_h2_guard_good(struct http_h2_conn *conn);

/* End the connection if a budget is used up. */
void http_h2_guard_check(struct http_h2_conn *conn);
