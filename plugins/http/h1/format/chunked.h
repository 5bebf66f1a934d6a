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

/* Bytes of chunk extensions, trailers and needless zeros in one body. */
#define HTTP_CHUNKED_OVERHEAD_MAX 16384

/* Zeroed before each body. */
struct http_chunked {
    uint64_t left : 44; /* bytes of the present chunk still to come; in a trailer's name, what it
                           may become */
    uint64_t overhead : 15;
    uint64_t state : 5;
};

/* Read on. Where the last chunk ends it stops, so that all of the trailers comes apart.
 *
 * ret_data  the bytes of content among those consumed, one run; possibly empty.
 * Returns   the bytes consumed, 1 to len; an enum http_verdict. Call again with the rest while
 *           there is some and http_chunked_done() is false; bytes after the body are left alone.
 */
ssize_t http_chunked_read(struct http_chunked *d, const char *data, size_t len,
                          struct http_span *ret_data);

/* Take back the last n bytes of the content that http_chunked_read() told last: they come again.
 * Not after anything that followed them. */
void http_chunked_unread(struct http_chunked *d, size_t n);

/* Whether what comes is trailers, or the empty line behind them. */
bool http_chunked_in_trailers(const struct http_chunked *d);

bool http_chunked_done(const struct http_chunked *d);

/* Bytes of the present chunk that are known to come; 0 while its size is being read. */
uint64_t http_chunked_known(const struct http_chunked *d);
