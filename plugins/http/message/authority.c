#include "http/message/authority.h"

#include <arpa/inet.h>

#include "http/message/chars.h"
#include "http/message/util.h"

static bool
host_port_valid(const char *p, const char *end)
{
    unsigned port = 0;

    for (; p < end; p++) {
        if (!chars_is(*p, CHARS_DIGIT))
            return false;
        port = port * 10 + (unsigned)(*p - '0');
        if (port > UINT16_MAX)
            return false;
    }
    return true;
}

/* The end of "[IPv6]", or NULL. */
static const char *
host_literal_end(const char *p, const char *end)
{
    const char *close = memchr(p, ']', (size_t)(end - p));
    char text[INET6_ADDRSTRLEN];
    struct in6_addr address;
    size_t len;

    if (close == NULL)
        return NULL;
    len = (size_t)(close - p) - 1;
    if (len >= sizeof(text))
        return NULL;
    memcpy(text, p + 1, len);
    text[len] = '\0';
    /* inet_pton would stop at a NUL; header values have none, targets neither */
    return inet_pton(AF_INET6, text, &address) == 1 ? close + 1 : NULL;
}

/* The end of a name or IPv4 address, or NULL if an escape in it is broken. */
static const char *
host_name_end(const char *p, const char *end)
{
    for (; p < end && chars_is(*p, CHARS_HOST); p++)
        if (*p == '%' && (end - p < 3 || !chars_is(p[1], CHARS_HEX) || !chars_is(p[2], CHARS_HEX)))
            return NULL;
    return p;
}

static const char *
host_end(const char *host, const char *end)
{
    return host < end && *host == '[' ? host_literal_end(host, end) : host_name_end(host, end);
}

bool
http_host_valid(const char *host, size_t len)
{
    const char *end = host + len;
    const char *p = host_end(host, end);

    if (p == NULL)
        return false;
    if (p == end)
        return true;
    return p > host && *p == ':' && host_port_valid(p + 1, end);
}

bool
http_host_valid_with_port(const char *host, size_t len)
{
    const char *end = host + len;
    const char *p = host_end(host, end);

    if (p == NULL || p == host || end - p < 2)
        return false;
    return *p == ':' && host_port_valid(p + 1, end);
}
