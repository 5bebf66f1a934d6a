/* The head of a request: request line and header lines, RFC 9112 sections 2 to 5.
 *
 * The parser knows syntax only. What the headers mean together is said by http_semantics_check(),
 * what the target means by http_target_check(); those look at whole heads, so that a head gets the
 * same verdict however its bytes were cut. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "http/message/request.h"
#include "http/message/verdict.h"

/* Empty lines that may come before a request, RFC 9112 section 2.2. */
#define HTTP_EMPTY_LINES_MAX 2

/* Bytes of a method; the longest that is registered has 17. */
#define HTTP_METHOD_MAX 32

/* Where to go on in a head that was not complete; zeroed before each head. */
struct http_resume {
    uint32_t line;    /* offset of the first header line not yet seen whole; 0: none was */
    uint16_t section; /* offset of the first header line */
    uint16_t count;   /* header lines before `line` */
};

/* Parse one head.
 *
 * data     from the first byte of the head on, as before if this is not the first try.
 * resume   remembers how far the lines were good, so that many short reads cost linear time.
 * Returns  the bytes of the head; -EAGAIN if more are needed; an enum http_verdict.
 */
ssize_t http_parse(const char *data, size_t len, const struct http_limits *limits,
                   struct http_resume *resume, struct http_request *ret_request);
