#include "http/log/forwarded.h"

#include <arpa/inet.h>

#include "http/message/semantics.h"
#include "http/message/text/chars.h"

/* ---- Lists ----------------------------------------------------------------------------------- */

static bool
http_forwarded_is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static struct http_span
http_forwarded_trim(struct http_span s)
{
    while (s.len != 0 && http_forwarded_is_blank(s.data[0])) {
        s.data++;
        s.len--;
    }
    while (s.len != 0 && http_forwarded_is_blank(s.data[s.len - 1]))
        s.len--;
    return s;
}

/* Position of the first of these characters; the end if there is none. With `quotes` characters in
 * quoted strings do not count, RFC 9110 section 5.6.4. *ret_open: a quoted string has no end. */
static size_t
http_forwarded_find(struct http_span s, char at, bool quotes, bool *ret_open)
{
    bool quoted = false;
    size_t n = 0;

    for (; n < s.len && (quoted || s.data[n] != at); n++) {
        if (quoted && s.data[n] == '\\' && n + 1 < s.len)
            n++;
        else if (quotes && s.data[n] == '"')
            quoted = !quoted;
    }
    *ret_open = quoted;
    return n;
}

/* Cut the text before the separator off. *rest becomes the text behind it; after the last part its
 * data is NULL. */
static struct http_span
http_forwarded_cut(struct http_span *rest, char at, bool quotes)
{
    bool open;
    size_t n = http_forwarded_find(*rest, at, quotes, &open);
    struct http_span part = {rest->data, n};

    *rest = n == rest->len ? (struct http_span){NULL, 0}
                           : (struct http_span){rest->data + n + 1, rest->len - n - 1};
    return http_forwarded_trim(part);
}

/* Quoted strings are ignored if one has no end: otherwise a client could hide the elements that a
 * proxy appends. X-Forwarded-For has no quoted strings at all. */
static bool
http_forwarded_has_quotes(struct http_span value, enum http_forwarded_header header)
{
    bool open;

    http_forwarded_find(value, '\0', true, &open);
    return header == HTTP_FORWARDED_STANDARD && !open;
}

/* The value of `for` without its quotes. Empty: there is no `for`, or it has escapes, which no
 * address needs. */
static struct http_span
http_forwarded_for(struct http_span element, bool quotes)
{
    static const char name[] = "for=";
    const size_t len = sizeof(name) - 1;

    while (element.data) {
        struct http_span pair = http_forwarded_cut(&element, ';', quotes);

        if (pair.len < len || !http_chars_equal_any(pair.data, name, len))
            continue;
        pair = (struct http_span){pair.data + len, pair.len - len};
        if (pair.len >= 2 && pair.data[0] == '"' && pair.data[pair.len - 1] == '"')
            pair = (struct http_span){pair.data + 1, pair.len - 2};
        return !memchr(pair.data, '\\', pair.len) ? pair : (struct http_span){"", 0};
    }
    return (struct http_span){"", 0};
}

void
http_forwarded_read(const struct http_request *req, enum http_forwarded_header header,
                    struct http_forwarded_hops *ret)
{
    const char *name = header == HTTP_FORWARDED_STANDARD ? "forwarded" : "x-forwarded-for";

    ret->count = 0;
    for (uint32_t i = 0; i < req->field_count; i++) {
        const struct http_field *f = &req->fields[i];
        struct http_span rest = {f->value, f->value_len};
        bool quotes = http_forwarded_has_quotes(rest, header);

        if (!http_field_is(f, name, strlen(name)))
            continue;
        while (rest.data) {
            struct http_span element = http_forwarded_cut(&rest, ',', quotes);

            if (element.len == 0)
                continue; /* RFC 9110 section 5.6.1.2: empty elements are ignored */
            ret->nodes[ret->count++ % HTTP_FORWARDED_HOPS_MAX] =
                header == HTTP_FORWARDED_STANDARD ? http_forwarded_for(element, quotes) : element;
        }
    }
}

/* ---- Nodes ----------------------------------------------------------------------------------- */

/* Whether the text is empty, or ":" with up to five digits or an obfuscated port. */
static bool
http_forwarded_is_port(struct http_span s)
{
    if (s.len == 0)
        return true;
    s = (struct http_span){s.data + 1, s.len - 1};
    if (s.data[-1] != ':' || s.len == 0)
        return false;
    if (s.data[0] == '_')
        return s.len > 1 && http_chars_all(s.data, s.len, HTTP_CHARS_TOKEN);
    return s.len <= 5 && http_chars_all(s.data, s.len, HTTP_CHARS_DIGIT);
}

/* Split a node into its address and the rest. */
static struct http_span
http_forwarded_ip(struct http_span node, struct http_span *ret_rest)
{
    const char *end = node.len != 0 && node.data[0] == '[' ? memchr(node.data, ']', node.len)
                                                           : memchr(node.data, ':', node.len);
    size_t len = !end ? node.len : (size_t)(end - node.data);

    if (node.len != 0 && node.data[0] == '[') {
        size_t behind = !end ? node.len : len + 1;

        *ret_rest = (struct http_span){node.data + behind, node.len - behind};
        return (struct http_span){node.data + 1, !end ? 0 : len - 1};
    }
    /* more than one colon: an IPv6 address without brackets, as in X-Forwarded-For */
    if (end && memchr(end + 1, ':', node.len - len - 1))
        len = node.len;
    *ret_rest = (struct http_span){node.data + len, node.len - len};
    return (struct http_span){node.data, len};
}

bool
http_forwarded_node(struct http_span node, union http_forwarded_address *ret)
{
    char text[INET6_ADDRSTRLEN];
    struct http_span rest, ip = http_forwarded_ip(node, &rest);
    bool bracketed = node.len != 0 && node.data[0] == '[';

    if (ip.len == 0 || ip.len >= sizeof(text) || !http_forwarded_is_port(rest))
        return false;
    memcpy(text, ip.data, ip.len);
    text[ip.len] = '\0';
    *ret = (union http_forwarded_address){.sa.sa_family = AF_INET};
    if (!bracketed && inet_pton(AF_INET, text, &ret->in.sin_addr) == 1)
        return true;
    *ret = (union http_forwarded_address){.sa.sa_family = AF_INET6};
    return inet_pton(AF_INET6, text, &ret->in6.sin6_addr) == 1;
}
