#include "http/route/reply.h"

#include <assert.h>
#include <stdio.h>

#include "http/message/verdict.h"

bool
http_reply_has_body(int status)
{
    return status != 204 && status != 304;
}

size_t
http_reply_head_max(const struct http_reply *reply, struct span server)
{
    return HTTP_REPLY_FIXED_MAX + strlen(http_status_phrase(reply->status)) + server.len +
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

size_t
http_reply_begin(char *to, int status, struct span server, struct span fields,
                 const char date[HTTP_DATE_LEN], size_t *ret_date_at)
{
    char *p = to;

    assert(status >= 100 && status <= 599);
    p = reply_puts(p, "HTTP/1.1 ");
    p = reply_put_number(p, (uint64_t)status);
    p = reply_puts(p, " ");
    p = reply_puts(p, http_status_phrase(status));
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
    if (fields.len != 0)
        p = reply_put(p, fields.data, fields.len);
    return (size_t)(p - to);
}

size_t
http_reply_length(char *to, uint64_t length)
{
    char *p = reply_puts(to, "Content-Length: ");

    p = reply_put_number(p, length);
    return (size_t)(reply_puts(p, "\r\n") - to);
}

size_t
http_reply_end(char *to, enum http_persist persist)
{
    char *p = to;

    if (persist == HTTP_PERSIST_TOLD)
        p = reply_puts(p, "Connection: keep-alive\r\n");
    else if (persist == HTTP_PERSIST_CLOSE)
        p = reply_puts(p, "Connection: close\r\n");
    return (size_t)(reply_puts(p, "\r\n") - to);
}

size_t
http_reply_head(char *to, const struct http_reply *reply, struct span server,
                enum http_persist persist, const char date[HTTP_DATE_LEN], size_t *ret_date_at)
{
    char *p = to + http_reply_begin(to, reply->status, server, reply->fields, date, ret_date_at);

    if (http_reply_has_body(reply->status))
        p += http_reply_length(p, reply->body.len);
    return (size_t)(p - to) + http_reply_end(p, persist);
}
