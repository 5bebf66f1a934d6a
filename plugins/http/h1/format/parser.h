/* The head of a request: request line and header lines, RFC 9112 sections 2 to 5.
 *
 * The parser checks syntax only. http_semantics_check() checks the headers together, and
 * http_target_check() the target. Both get whole heads, so that the verdict does not depend on how
 * the bytes were split into reads. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "http/message/request.h"
#include "http/message/verdict.h"

/* Empty lines that may precede a request, RFC 9112 section 2.2. */
#define HTTP_EMPTY_LINES_MAX 2

/* Longest method, in bytes; the longest registered one has 17. */
#define HTTP_METHOD_MAX 32

/* Where to resume parsing an incomplete head; zeroed before each head. */
struct http_resume {
    uint32_t line;    /* offset of the first incomplete header line; 0: none is complete */
    uint16_t section; /* offset of the first header line */
    uint16_t count;   /* header lines before `line` */
};

/* Parse one head.
 *
 * data     From the first byte of the head on, also in later calls for the same head.
 * resume   Remembers the lines already checked, so that many short reads cost linear time.
 * Returns  Bytes of the head; -EAGAIN: more are needed; an enum http_verdict.
 */
ssize_t http_parse(const char *data, size_t len, const struct http_limits *limits,
                   struct http_resume *resume, struct http_request *ret_request);
