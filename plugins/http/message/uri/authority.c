#include "http/message/uri/authority.h"

#include <arpa/inet.h>

#include "http/message/text/chars.h"
#include "http/message/util.h"

static bool
http_authority_port_valid(const char *p, const char *end)
{
    unsigned port = 0;

    for (; p < end; p++) {
        if (!http_chars_is(*p, HTTP_CHARS_DIGIT))
            return false;
        port = port * 10 + (unsigned)(*p - '0');
        if (port > UINT16_MAX)
            return false;
    }
    return true;
}

/* The end of "[IPv6]"; NULL: malformed. */
static const char *
http_authority_literal_end(const char *p, const char *end)
{
    const char *close = memchr(p, ']', (size_t)(end - p));
    char text[INET6_ADDRSTRLEN];
    struct in6_addr address;
    size_t len;

    if (!close)
        return NULL;
    len = (size_t)(close - p) - 1;
    if (len >= sizeof(text))
        return NULL;
    memcpy(text, p + 1, len);
    text[len] = '\0';
    /* inet_pton stops at a NUL, but neither header values nor targets contain one */
    return inet_pton(AF_INET6, text, &address) == 1 ? close + 1 : NULL;
}

/* The end of a name or IPv4 address; NULL: it has a malformed escape. */
static const char *
http_authority_name_end(const char *p, const char *end)
{
    for (; p < end && http_chars_is(*p, HTTP_CHARS_HOST); p++)
        if (*p == '%' && (end - p < 3 || !http_chars_is(p[1], HTTP_CHARS_HEX) ||
                          !http_chars_is(p[2], HTTP_CHARS_HEX)))
            return NULL;
    return p;
}

static const char *
http_authority_end(const char *host, const char *end)
{
    return host < end && *host == '[' ? http_authority_literal_end(host, end)
                                      : http_authority_name_end(host, end);
}

bool
http_authority_valid(const char *host, size_t len)
{
    const char *end = host + len;
    const char *p = http_authority_end(host, end);

    if (!p)
        return false;
    if (p == end)
        return true;
    return p > host && *p == ':' && http_authority_port_valid(p + 1, end);
}

bool
http_authority_valid_with_port(const char *host, size_t len)
{
    const char *end = host + len;
    const char *p = http_authority_end(host, end);

    if (!p || p == host || end - p < 2)
        return false;
    return *p == ':' && http_authority_port_valid(p + 1, end);
}
