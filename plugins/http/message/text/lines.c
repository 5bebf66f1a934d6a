#include "http/message/text/lines.h"

#include "http/message/text/chars.h"

bool
http_lines_next(const struct http_buffer *lines, size_t *at, struct http_line *ret)
{
    const char *p, *end, *colon, *next;

    if (*at == lines->len)
        return false;
    p = lines->data + *at;
    end = lines->data + lines->len;
    colon = memchr(p, ':', (size_t)(end - p));
    next = (const char *)memchr(colon, '\n', (size_t)(end - colon)) + 1;
    ret->name = (struct http_span){p, (size_t)(colon - p)};
    /* without ": " and CR LF */
    ret->value = (struct http_span){colon + 2, (size_t)(next - colon) - 4};
    *at = (size_t)(next - lines->data);
    return true;
}

bool
http_line_is(const struct http_line *line, const char *name)
{
    size_t len = strlen(name);

    return line->name.len == len && http_chars_equal_any(line->name.data, name, len);
}

static bool
http_line_has_token(struct http_span list, const char *token)
{
    size_t len = strlen(token);
    size_t at = 0;

    while (at < list.len) {
        const char *p = list.data + at;
        const char *comma = memchr(p, ',', list.len - at);
        size_t n = !comma ? list.len - at : (size_t)(comma - p);

        at += n + 1;
        while (n != 0 && (*p == ' ' || *p == '\t'))
            p++, n--;
        while (n != 0 && (p[n - 1] == ' ' || p[n - 1] == '\t'))
            n--;
        if (n == len && http_chars_equal_any(p, token, len))
            return true;
    }
    return false;
}

bool
http_lines_have_token(const struct http_buffer *lines, const char *name, const char *token)
{
    struct http_line line;

    for (size_t at = 0; http_lines_next(lines, &at, &line);)
        if (http_line_is(&line, name) && http_line_has_token(line.value, token))
            return true;
    return false;
}

static bool
http_lines_among(struct http_span name, const struct http_span *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (names[i].len == name.len && http_chars_equal_any(names[i].data, name.data, name.len))
            return true;
    return false;
}

void
http_lines_drop(struct http_buffer *lines, const struct http_span *names, size_t count)
{
    struct http_line line;
    size_t to = 0;
    size_t from = 0;

    for (size_t at = 0; http_lines_next(lines, &at, &line); from = at) {
        if (http_lines_among(line.name, names, count))
            continue;
        memmove(lines->data + to, lines->data + from, at - from);
        to += at - from;
    }
    lines->len = to;
}

int
http_lines_add(struct http_buffer *lines, struct http_span name, struct http_span value)
{
    if (http_buffer_reserve(lines, lines->len + name.len + value.len + strlen(": \r\n")) < 0)
        return -ENOMEM;
    http_buffer_append(lines, name.data, name.len);
    http_buffer_append(lines, ": ", 2);
    http_buffer_append(lines, value.data, value.len);
    http_buffer_append(lines, "\r\n", 2);
    return 0;
}
