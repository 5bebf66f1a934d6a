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
http_reply_head_max(const struct http_reply *reply, struct http_span server)
{
    return HTTP_REPLY_FIXED_MAX + strlen(http_status_phrase(reply->status)) + server.len +
           reply->fields.len;
}

static char *
http_reply_put(char *to, const char *data, size_t len)
{
    memcpy(to, data, len);
    return to + len;
}

static char *
http_reply_puts(char *to, const char *text)
{
    return http_reply_put(to, text, strlen(text));
}

static char *
http_reply_put_number(char *to, uint64_t value)
{
    char digits[24];
    size_t at = sizeof(digits);

    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    return http_reply_put(to, digits + at, sizeof(digits) - at);
}

size_t
http_reply_begin(char *to, int status, struct http_span server, struct http_span fields,
                 const char date[HTTP_DATE_LEN], size_t *ret_date_at)
{
    char *p = to;

    assert(status >= 100 && status <= 599);
    p = http_reply_puts(p, "HTTP/1.1 ");
    p = http_reply_put_number(p, (uint64_t)status);
    p = http_reply_puts(p, " ");
    p = http_reply_puts(p, http_status_phrase(status));
    p = http_reply_puts(p, "\r\n");
    if (server.len != 0) {
        p = http_reply_puts(p, "Server: ");
        p = http_reply_put(p, server.data, server.len);
        p = http_reply_puts(p, "\r\n");
    }
    p = http_reply_puts(p, "Date: ");
    *ret_date_at = (size_t)(p - to);
    p = http_reply_put(p, date, HTTP_DATE_LEN);
    p = http_reply_puts(p, "\r\n");
    if (fields.len != 0)
        p = http_reply_put(p, fields.data, fields.len);
    return (size_t)(p - to);
}

size_t
http_reply_length(char *to, uint64_t length)
{
    char *p = http_reply_puts(to, "Content-Length: ");

    p = http_reply_put_number(p, length);
    return (size_t)(http_reply_puts(p, "\r\n") - to);
}

size_t
http_reply_end(char *to, enum http_persist persist)
{
    char *p = to;

    if (persist == HTTP_PERSIST_TOLD)
        p = http_reply_puts(p, "Connection: keep-alive\r\n");
    else if (persist == HTTP_PERSIST_CLOSE)
        p = http_reply_puts(p, "Connection: close\r\n");
    return (size_t)(http_reply_puts(p, "\r\n") - to);
}

size_t
http_reply_head(char *to, const struct http_reply *reply, struct http_span server,
                enum http_persist persist, const char date[HTTP_DATE_LEN], size_t *ret_date_at)
{
    char *p = to + http_reply_begin(to, reply->status, server, reply->fields, date, ret_date_at);

    if (http_reply_has_body(reply->status))
        p += http_reply_length(p, reply->body.len);
    return (size_t)(p - to) + http_reply_end(p, persist);
}
