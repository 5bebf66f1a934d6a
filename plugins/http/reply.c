#include "http/reply.h"

#include <assert.h>
#include <stdio.h>

#include "http/verdict.h"

/* All that the parts below write besides reason phrase, server and fields. */
#define REPLY_FIXED_MAX 256

bool
http_reply_has_body(int status)
{
    return status != 204 && status != 304;
}

size_t
http_reply_head_max(const struct http_reply *reply, struct span server)
{
    return REPLY_FIXED_MAX + strlen(http_status_phrase(reply->status)) + server.len +
           reply->fields.len;
}

static char *
reply_put(char *to, const char *data, size_t len)
{
    memcpy(to, data, len);
    return to + len;
}

static char *
reply_puts(char *to, const char *text)
{
    return reply_put(to, text, strlen(text));
}

static char *
reply_put_number(char *to, uint64_t value)
{
    char digits[24];
    size_t at = sizeof(digits);

    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    return reply_put(to, digits + at, sizeof(digits) - at);
}

static char *
reply_put_persist(char *to, enum http_persist persist)
{
    if (persist == HTTP_PERSIST_TOLD)
        return reply_puts(to, "Connection: keep-alive\r\n");
    if (persist == HTTP_PERSIST_CLOSE)
        return reply_puts(to, "Connection: close\r\n");
    return to;
}

size_t
http_reply_head(char *to, const struct http_reply *reply, struct span server,
                enum http_persist persist, const char date[HTTP_DATE_LEN], size_t *ret_date_at)
{
    char *p = to;

    assert(reply->status >= 200 && reply->status <= 599);
    p = reply_puts(p, "HTTP/1.1 ");
    p = reply_put_number(p, (uint64_t)reply->status);
    p = reply_puts(p, " ");
    p = reply_puts(p, http_status_phrase(reply->status));
    p = reply_puts(p, "\r\n");
    if (server.len != 0) {
        p = reply_puts(p, "Server: ");
        p = reply_put(p, server.data, server.len);
        p = reply_puts(p, "\r\n");
    }
    p = reply_puts(p, "Date: ");
    *ret_date_at = (size_t)(p - to);
    p = reply_put(p, date, HTTP_DATE_LEN);
    p = reply_puts(p, "\r\n");
    if (reply->fields.len != 0)
        p = reply_put(p, reply->fields.data, reply->fields.len);
    if (http_reply_has_body(reply->status)) {
        p = reply_puts(p, "Content-Length: ");
        p = reply_put_number(p, reply->body.len);
        p = reply_puts(p, "\r\n");
    }
    p = reply_put_persist(p, persist);
    p = reply_puts(p, "\r\n");
    return (size_t)(p - to);
}
