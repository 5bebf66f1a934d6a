#include "http/message/lines.h"

#include "http/message/chars.h"

bool
lines_next(const struct buffer *lines, size_t *at, struct line *ret)
{
    const char *p, *end, *colon, *next;

    if (*at == lines->len)
        return false;
    p = lines->data + *at;
    end = lines->data + lines->len;
    colon = memchr(p, ':', (size_t)(end - p));
    next = (const char *)memchr(colon, '\n', (size_t)(end - colon)) + 1;
    ret->name = (struct span){p, (size_t)(colon - p)};
    ret->value = (struct span){colon + 2, (size_t)(next - colon) - 4}; /* ": " and CR LF */
    *at = (size_t)(next - lines->data);
    return true;
}

bool
line_is(const struct line *line, const char *name)
{
    size_t len = strlen(name);

    return line->name.len == len && chars_equal_any(line->name.data, name, len);
}

static bool
line_has_token(struct span list, const char *token)
{
    size_t len = strlen(token);
    size_t at = 0;

    while (at < list.len) {
        const char *p = list.data + at;
        const char *comma = memchr(p, ',', list.len - at);
        size_t n = comma == NULL ? list.len - at : (size_t)(comma - p);

        at += n + 1;
        while (n != 0 && (*p == ' ' || *p == '\t'))
            p++, n--;
        while (n != 0 && (p[n - 1] == ' ' || p[n - 1] == '\t'))
            n--;
        if (n == len && chars_equal_any(p, token, len))
            return true;
    }
    return false;
}

bool
lines_have_token(const struct buffer *lines, const char *name, const char *token)
{
    struct line line;

    for (size_t at = 0; lines_next(lines, &at, &line);)
        if (line_is(&line, name) && line_has_token(line.value, token))
            return true;
    return false;
}

static bool
lines_among(struct span name, const struct span *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (names[i].len == name.len && chars_equal_any(names[i].data, name.data, name.len))
            return true;
    return false;
}

void
lines_drop(struct buffer *lines, const struct span *names, size_t count)
{
    struct line line;
    size_t to = 0;
    size_t from = 0;

    for (size_t at = 0; lines_next(lines, &at, &line); from = at) {
        if (lines_among(line.name, names, count))
            continue;
        memmove(lines->data + to, lines->data + from, at - from);
        to += at - from;
    }
    lines->len = to;
}

int
lines_add(struct buffer *lines, struct span name, struct span value)
{
    if (buffer_reserve(lines, lines->len + name.len + value.len + strlen(": \r\n")) < 0)
        return -ENOMEM;
    buffer_append(lines, name.data, name.len);
    buffer_append(lines, ": ", 2);
    buffer_append(lines, value.data, value.len);
    buffer_append(lines, "\r\n", 2);
    return 0;
}
