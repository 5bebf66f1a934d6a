/* Reasons to refuse a request, each with its status and a text for people. */
#pragma once

#include <errno.h>

/* name, status, text */
#define HTTP_VERDICTS(X)                                                                           \
    X(BAD_EMPTY_LINES, 400, "too many empty lines before the request")                             \
    X(BAD_METHOD, 400, "the method is not a token")                                                \
    X(BAD_TARGET, 400, "the request target is malformed")                                          \
    X(BAD_PATH, 400, "the path has a bad escape or leads above the root")                          \
    X(BAD_VERSION, 400, "the HTTP version is malformed")                                           \
    X(BAD_LINE_END, 400, "a line does not end with CR LF")                                         \
    X(BAD_FIELD_NAME, 400, "a header name is not a token followed by a colon")                     \
    X(BAD_FIELD_VALUE, 400, "a header value has a control character")                              \
    X(BAD_FOLD, 400, "a header line begins with white space")                                      \
    X(BAD_HOST, 400, "the Host header is missing, repeated or malformed")                          \
    X(BAD_LENGTH, 400, "the Content-Length is malformed or repeated")                              \
    X(BAD_CODING, 400, "the Transfer-Encoding leaves the length of the body unclear")              \
    X(BAD_CHUNK, 400, "a chunk of the body is malformed")                                          \
    X(BAD_TRAILER, 400, "a trailer of the body is malformed or not allowed")                       \
    X(BAD_END, 400, "the request ends early")                                                      \
    X(LATE_HEAD, 408, "the request line and headers took too long")                                \
    X(LATE_BODY, 408, "the body took too long")                                                    \
    X(LARGE_BODY, 413, "the body is too large")                                                    \
    X(LONG_LINE, 414, "the request line is too long")                                              \
    X(UNKNOWN_EXPECT, 417, "the Expect header asks for something unknown")                         \
    X(NOT_SECURED, 421, "a target of https needs a connection that is secured")                    \
    X(LARGE_HEADERS, 431, "the headers are too large")                                             \
    X(MANY_HEADERS, 431, "there are too many headers")                                             \
    X(LARGE_TRAILERS, 431, "chunk extensions or trailers are too large")                           \
    X(HANDLER_FAILED, 500, "the handler of the request has failed")                                \
    X(UNKNOWN_METHOD, 501, "the method is not implemented")                                        \
    X(UNKNOWN_CODING, 501, "the transfer coding is not implemented")                               \
    X(UNKNOWN_VERSION, 505, "the HTTP version is not supported")

/* Returned by parsers. All are negative and differ from -EAGAIN, which means "more bytes are
 * needed". */
enum http_verdict {
    HTTP_VERDICT_BEFORE = -1001,
#define HTTP_VERDICT_NAME(name, status, words) HTTP_##name,
    HTTP_VERDICTS(HTTP_VERDICT_NAME)
#undef HTTP_VERDICT_NAME
        HTTP_VERDICT_END
};

#define HTTP_VERDICT_FIRST (HTTP_VERDICT_BEFORE + 1)
#define HTTP_VERDICT_COUNT (HTTP_VERDICT_END - HTTP_VERDICT_FIRST)

/* Index for arrays by verdict: 0 to HTTP_VERDICT_COUNT - 1. */
static inline unsigned
http_verdict_index(int verdict)
{
    return (unsigned)(verdict - HTTP_VERDICT_FIRST);
}

int http_verdict_status(int verdict);

/* "BAD_HOST" */
const char *http_verdict_name(int verdict);

/* The text: a sentence without a full stop. */
const char *http_verdict_words(int verdict);
