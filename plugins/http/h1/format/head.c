#include "http/h1/format/head.h"

#include <assert.h>
#include <stdio.h>

#include "http/message/status.h"
#include "http/message/verdict.h"

size_t
http_head_max(const struct http_reply *reply, struct http_span server)
{
    return HTTP_HEAD_FIXED_MAX + strlen(http_status_phrase(reply->status)) + server.len +
           reply->fields.len;
}

static char *
http_head_put(char *to, const char *data, size_t len)
{
    memcpy(to, data, len);
    return to + len;
}

static char *
http_head_puts(char *to, const char *text)
{
    return http_head_put(to, text, strlen(text));
}

static char *
http_head_put_number(char *to, uint64_t value)
{
    char digits[24];
    size_t at = sizeof(digits);

    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    return http_head_put(to, digits + at, sizeof(digits) - at);
}

size_t
http_head_begin(char *to, int status, struct http_span server, struct http_span fields,
                const char date[HTTP_DATE_LEN], size_t *ret_date_at)
{
    char *p = to;

    assert(status >= 100 && status <= 599);
    p = http_head_puts(p, "HTTP/1.1 ");
    p = http_head_put_number(p, (uint64_t)status);
    p = http_head_puts(p, " ");
    p = http_head_puts(p, http_status_phrase(status));
    p = http_head_puts(p, "\r\n");
    if (server.len != 0) {
        p = http_head_puts(p, "Server: ");
        p = http_head_put(p, server.data, server.len);
        p = http_head_puts(p, "\r\n");
    }
    p = http_head_puts(p, "Date: ");
    *ret_date_at = (size_t)(p - to);
    p = http_head_put(p, date, HTTP_DATE_LEN);
    p = http_head_puts(p, "\r\n");
    if (fields.len != 0)
        p = http_head_put(p, fields.data, fields.len);
    return (size_t)(p - to);
}

size_t
http_head_length(char *to, uint64_t length)
{
    char *p = http_head_puts(to, "Content-Length: ");

    p = http_head_put_number(p, length);
    return (size_t)(http_head_puts(p, "\r\n") - to);
}

size_t
http_head_end(char *to, enum http_persist persist)
{
    char *p = to;

    if (persist == HTTP_PERSIST_TOLD)
        p = http_head_puts(p, "Connection: keep-alive\r\n");
    else if (persist == HTTP_PERSIST_CLOSE)
        p = http_head_puts(p, "Connection: close\r\n");
    return (size_t)(http_head_puts(p, "\r\n") - to);
}

size_t
http_head_render(char *to, const struct http_reply *reply, struct http_span server,
                 enum http_persist persist, const char date[HTTP_DATE_LEN], size_t *ret_date_at)
{
    char *p = to + http_head_begin(to, reply->status, server, reply->fields, date, ret_date_at);

    if (http_status_has_content(reply->status))
        p += http_head_length(p, reply->body.len);
    return (size_t)(p - to) + http_head_end(p, persist);
}
