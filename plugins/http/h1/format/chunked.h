/* The chunked transfer coding, RFC 9112 section 7.1, held to its grammar: lines end with CR LF, and
 * white space stands only where extensions may have it. No trailer may frame or route the
 * message. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "http/message/util.h"
#include "http/message/verdict.h"

/* Limit of the chunk extensions, trailers and leading zeros in one body, in bytes. */
#define HTTP_CHUNKED_OVERHEAD_MAX 16384

/* Zeroed before each body. */
struct http_chunked {
    uint64_t left : 44; /* unread bytes of the current chunk; in a trailer's name: the candidates */
    uint64_t overhead : 15;
    uint64_t state : 5;
};

/* Decode more of a body. Stops at the end of the last chunk, so that the caller gets the trailers
 * in a call of their own.
 *
 * ret_data  The content among the consumed bytes: one run, possibly empty.
 * Returns   Bytes consumed, 1 to len, or an enum http_verdict. Call again with the rest while
 *           there is some and http_chunked_done() is false; bytes after the body are not consumed.
 */
ssize_t http_chunked_read(struct http_chunked *d, const char *data, size_t len,
                          struct http_span *ret_data);

/* Push back the last n bytes of the content that http_chunked_read() returned: the next call
 * returns them again. Invalid once later bytes have been consumed. */
void http_chunked_unread(struct http_chunked *d, size_t n);

/* Whether the next bytes are trailers, or the empty line behind them. */
bool http_chunked_in_trailers(const struct http_chunked *d);

bool http_chunked_done(const struct http_chunked *d);

/* Bytes of the current chunk still to come; 0 while its size is being read. */
uint64_t http_chunked_known(const struct http_chunked *d);
