/* The head of a reply: status line and headers, RFC 9112 section 4. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "http/message/text/date.h"
#include "http/message/util.h"
#include "http/route/reply/reply.h"

/* Whether the connection stays open after the reply, and which Connection header announces it. */
enum http_persist {
    HTTP_PERSIST,      /* stays open, as HTTP/1.1 does by default */
    HTTP_PERSIST_TOLD, /* stays open, with "Connection: keep-alive" for an HTTP/1.0 client */
    HTTP_PERSIST_CLOSE,
    HTTP_PERSIST_COUNT
};

/* Bytes that http_head_render() writes, without reason phrase, server and fields. */
#define HTTP_HEAD_FIXED_MAX 256

/* The parts of a head in their order; each function returns the bytes written. The first is the
 * status line with Server, Date and `fields`, the second Content-Length, the third Connection and
 * the empty line. */
size_t http_head_begin(char *to, int status, struct http_span server, struct http_span fields,
                       const char date[HTTP_DATE_LEN], size_t *ret_date_at);
size_t http_head_length(char *to, uint64_t length);
size_t http_head_end(char *to, enum http_persist persist);

/* Upper bound of the bytes that http_head_render() writes. */
size_t http_head_max(const struct http_reply *reply, struct http_span server);

/* Render a head.
 *
 * to           Room for http_head_max() bytes.
 * server       Value of the Server header; empty: no Server header.
 * ret_date_at  Offset of the Date's value.
 * Returns      Bytes written.
 */
size_t http_head_render(char *to, const struct http_reply *reply, struct http_span server,
                        enum http_persist persist, const char date[HTTP_DATE_LEN],
                        size_t *ret_date_at);
