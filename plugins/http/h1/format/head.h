/* The head of a reply: status line and headers, RFC 9112 section 4. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "http/message/date.h"
#include "http/message/util.h"
#include "http/route/reply.h"

/* What becomes of the connection, and whether the client must be told. */
enum http_persist {
    HTTP_PERSIST,      /* stays open, as HTTP/1.1 does by default */
    HTTP_PERSIST_TOLD, /* stays open, and an HTTP/1.0 client needs to read so */
    HTTP_PERSIST_CLOSE,
    HTTP_PERSIST_COUNT
};

/* All that http_head_render() writes besides reason phrase, server and fields. */
#define HTTP_HEAD_FIXED_MAX 256

/* The parts of a head, one behind the other; each returns its bytes. The first is the status line
 * with Server, Date and `fields`, the second Content-Length, the third Connection and the empty
 * line. */
size_t http_head_begin(char *to, int status, struct http_span server, struct http_span fields,
                       const char date[HTTP_DATE_LEN], size_t *ret_date_at);
size_t http_head_length(char *to, uint64_t length);
size_t http_head_end(char *to, enum http_persist persist);

/* Room that http_head_render() needs, at most. */
size_t http_head_max(const struct http_reply *reply, struct http_span server);

/* Write it.
 *
 * to           http_head_max() bytes.
 * server       the value of the Server header; empty: none.
 * ret_date_at  where in it the Date's value stands.
 * Returns      its bytes.
 */
size_t http_head_render(char *to, const struct http_reply *reply, struct http_span server,
                        enum http_persist persist, const char date[HTTP_DATE_LEN],
                        size_t *ret_date_at);
