#include "http/log/forwarded.h"

#include <arpa/inet.h>

#include "http/message/chars.h"
#include "http/message/semantics.h"

/* ---- Lists ----------------------------------------------------------------------------------- */

static bool
forwarded_is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static struct span
forwarded_trim(struct span s)
{
    while (s.len != 0 && forwarded_is_blank(s.data[0])) {
        s.data++;
        s.len--;
    }
    while (s.len != 0 && forwarded_is_blank(s.data[s.len - 1]))
        s.len--;
    return s;
}

/* Where one of these characters stands, in no quoted string if there are such; else the end. RFC
 * 9110 section 5.6.4. *ret_open: at the end one is open. */
static size_t
forwarded_find(struct span s, char at, bool quotes, bool *ret_open)
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

/* What comes before that; *rest is moved behind it, and has no data after the last. */
static struct span
forwarded_cut(struct span *rest, char at, bool quotes)
{
    bool open;
    size_t n = forwarded_find(*rest, at, quotes, &open);
    struct span part = {rest->data, n};

    *rest = n == rest->len ? (struct span){NULL, 0}
                           : (struct span){rest->data + n + 1, rest->len - n - 1};
    return forwarded_trim(part);
}

/* A client that leaves a string open must not hide what a proxy adds behind it: then there are no
 * strings, as there are none in X-Forwarded-For. */
static bool
forwarded_has_quotes(struct span value, enum forwarded_header header)
{
    bool open;

    forwarded_find(value, '\0', true, &open);
    return header == FORWARDED_STANDARD && !open;
}

/* The value of `for`, without its quotes; empty: there is none, or it has escapes, which no address
 * needs. */
static struct span
forwarded_for(struct span element, bool quotes)
{
    static const char name[] = "for=";
    const size_t len = sizeof(name) - 1;

    while (element.data != NULL) {
        struct span pair = forwarded_cut(&element, ';', quotes);

        if (pair.len < len || !chars_equal_any(pair.data, name, len))
            continue;
        pair = (struct span){pair.data + len, pair.len - len};
        if (pair.len >= 2 && pair.data[0] == '"' && pair.data[pair.len - 1] == '"')
            pair = (struct span){pair.data + 1, pair.len - 2};
        return memchr(pair.data, '\\', pair.len) == NULL ? pair : (struct span){"", 0};
    }
    return (struct span){"", 0};
}

void
forwarded_read(const struct http_request *req, enum forwarded_header header,
               struct forwarded_hops *ret)
{
    const char *name = header == FORWARDED_STANDARD ? "forwarded" : "x-forwarded-for";

    ret->count = 0;
    for (uint32_t i = 0; i < req->field_count; i++) {
        const struct http_field *f = &req->fields[i];
        struct span rest = {f->value, f->value_len};
        bool quotes = forwarded_has_quotes(rest, header);

        if (!http_field_is(f, name, strlen(name)))
            continue;
        while (rest.data != NULL) {
            struct span element = forwarded_cut(&rest, ',', quotes);

            if (element.len == 0)
                continue; /* RFC 9110 section 5.6.1.2 */
            ret->nodes[ret->count++ % FORWARDED_HOPS_MAX] =
                header == FORWARDED_STANDARD ? forwarded_for(element, quotes) : element;
        }
    }
}

/* ---- Nodes ----------------------------------------------------------------------------------- */

/* ":" and up to five digits, or an obfuscated port; or nothing. */
static bool
forwarded_is_port(struct span s)
{
    if (s.len == 0)
        return true;
    s = (struct span){s.data + 1, s.len - 1};
    if (s.data[-1] != ':' || s.len == 0)
        return false;
    if (s.data[0] == '_')
        return s.len > 1 && chars_all(s.data, s.len, CHARS_TOKEN);
    return s.len <= 5 && chars_all(s.data, s.len, CHARS_DIGIT);
}

/* The address at the beginning and what follows it. */
static struct span
forwarded_ip(struct span node, struct span *ret_rest)
{
    const char *end = node.len != 0 && node.data[0] == '[' ? memchr(node.data, ']', node.len)
                                                           : memchr(node.data, ':', node.len);
    size_t len = end == NULL ? node.len : (size_t)(end - node.data);

    if (node.len != 0 && node.data[0] == '[') {
        size_t behind = end == NULL ? node.len : len + 1;

        *ret_rest = (struct span){node.data + behind, node.len - behind};
        return (struct span){node.data + 1, end == NULL ? 0 : len - 1};
    }
    /* more than one colon: IPv6 as X-Forwarded-For has it */
    if (end != NULL && memchr(end + 1, ':', node.len - len - 1) != NULL)
        len = node.len;
    *ret_rest = (struct span){node.data + len, node.len - len};
    return (struct span){node.data, len};
}

bool
forwarded_node(struct span node, union forwarded_address *ret)
{
    char text[INET6_ADDRSTRLEN];
    struct span rest, ip = forwarded_ip(node, &rest);
    bool bracketed = node.len != 0 && node.data[0] == '[';

    if (ip.len == 0 || ip.len >= sizeof(text) || !forwarded_is_port(rest))
        return false;
    memcpy(text, ip.data, ip.len);
    text[ip.len] = '\0';
    *ret = (union forwarded_address){.sa.sa_family = AF_INET};
    if (!bracketed && inet_pton(AF_INET, text, &ret->in.sin_addr) == 1)
        return true;
    *ret = (union forwarded_address){.sa.sa_family = AF_INET6};
    return inet_pton(AF_INET6, text, &ret->in6.sin6_addr) == 1;
}
