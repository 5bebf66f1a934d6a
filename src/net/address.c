#include "net/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

#define UNIX_PREFIX "unix:"

unsigned
address_port(const struct address *a)
{
    if (a->sa.sa_family == AF_INET)
        return ntohs(a->in.sin_port);
    return a->sa.sa_family == AF_INET6 ? ntohs(a->in6.sin6_port) : 0;
}

void
address_set_port(struct address *a, unsigned port)
{
    if (a->sa.sa_family == AF_INET)
        a->in.sin_port = htons((uint16_t)port);
    else if (a->sa.sa_family == AF_INET6)
        a->in6.sin6_port = htons((uint16_t)port);
}

bool
address_is_same(const struct address *a, const struct address *b)
{
    return a->len == b->len && memcmp(&a->sa, &b->sa, a->len) == 0;
}

/* ---- Reading --------------------------------------------------------------------------------- */

/* unix(7): a path ends with NUL; an abstract name begins with one and ends with the address. */
static int
address_parse_unix(const char *path, struct address *ret, struct err *reterr)
{
    struct address a = {.un.sun_family = AF_UNIX};
    size_t len = strlen(path);

    if (len == 0 || (path[0] != '/' && path[0] != '@') || (path[0] == '@' && len == 1))
        return err_set(reterr, -EINVAL, "expected unix:/path or unix:@name");
    if (len >= sizeof(a.un.sun_path))
        return err_set(reterr, -ENAMETOOLONG, "the path has %zu bytes, and %zu are the most", len,
                       sizeof(a.un.sun_path) - 1);
    memcpy(a.un.sun_path, path, len);
    a.len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + (path[0] == '/'));
    if (path[0] == '@')
        a.un.sun_path[0] = '\0';
    *ret = a;
    return 0;
}

static int
address_parse_port(const char *text, unsigned *ret, struct err *reterr)
{
    unsigned port = 0;

    if (!*text)
        return err_set(reterr, -EINVAL, "the port is missing after ':'");
    for (const char *p = text; *p; p++) {
        if (*p < '0' || *p > '9')
            return err_set(reterr, -EINVAL, "port '%s' is not a number", text);
        port = port * 10 + (unsigned)(*p - '0');
        if (port > 65535)
            return err_set(reterr, -ERANGE, "port %s is above 65535", text);
    }
    *ret = port;
    return 0;
}

int
address_look_up(const struct address_host *host, bool numeric, struct address *ret, unsigned max,
                struct err *reterr)
{
    struct addrinfo hints = {.ai_family = host->bracketed ? AF_INET6 : AF_UNSPEC,
                             .ai_socktype = SOCK_STREAM,
                             .ai_flags = numeric || host->bracketed ? AI_NUMERICHOST : 0};
    struct addrinfo *found;
    unsigned count = 0;
    int r = getaddrinfo(host->name, NULL, &hints, &found);

    if (r == EAI_MEMORY)
        return err_set(reterr, -ENOMEM, "no memory to look up host '%s'", host->name);
    if (r != 0)
        return err_set(reterr, r == EAI_AGAIN ? -EAGAIN : -EADDRNOTAVAIL,
                       "host '%s' is not an address and has none: %s", host->name,
                       r == EAI_SYSTEM ? err_words(errno) : gai_strerror(r));
    for (const struct addrinfo *a = found; a && count < max; a = a->ai_next) {
        ret[count] = (struct address){.len = a->ai_addrlen};
        memcpy(&ret[count].sa, a->ai_addr, a->ai_addrlen);
        address_set_port(&ret[count++], host->port);
    }
    freeaddrinfo(found);
    return (int)count;
}

static void
address_any(struct address *ret)
{
    *ret = (struct address){.len = sizeof(ret->in6), .any = true};
    ret->in6.sin6_family = AF_INET6;
    ret->in6.sin6_addr = in6addr_any;
}

/* Whether a host is meant as an IPv4 address: its last label is a number. */
static bool
address_is_numeric(const char *host)
{
    size_t len = strlen(host), digits;
    const char *label;

    while (len > 0 && host[len - 1] == '.')
        len--;
    label = memrchr(host, '.', len);
    label = label ? label + 1 : host;
    digits = strspn(label, "0123456789");
    return len > 0 && (label + digits == host + len ||
                       (label[0] == '0' && (label[1] == 'x' || label[1] == 'X')));
}

/* getaddrinfo(3) would read 010.0.0.1 as 8.0.0.1, and 1 as 0.0.0.1. */
static int
address_check_host(const struct address_host *host, struct err *reterr)
{
    struct in_addr ip;

    if (host->bracketed && strcmp(host->name, "*") == 0)
        return err_set(reterr, -EINVAL, "'[*]' is no address; every address is *:port");
    if (host->bracketed || !address_is_numeric(host->name) ||
        inet_pton(AF_INET, host->name, &ip) == 1)
        return 0;
    return err_set(reterr, -EINVAL,
                   "'%s' is not an IPv4 address: expected four numbers from 0 to 255 without "
                   "leading zeros, as in 10.0.0.1%s",
                   host->name, strchr(host->name, '.') ? "" : "; every address is *:port");
}

/* The host of "host:port", without its brackets. */
static int
address_take_host(const char *text, size_t len, struct address_host *ret, struct err *reterr)
{
    ret->bracketed = len > 0 && text[0] == '[';
    if (ret->bracketed) {
        if (len < 3 || text[len - 1] != ']')
            return err_set(reterr, -EINVAL, "expected an IPv6 address between '[' and ']:port'");
        text++;
        len -= 2;
    } else if (memchr(text, ':', len)) {
        return err_set(reterr, -EINVAL, "an IPv6 address stands in brackets: [%.*s]:port", (int)len,
                       text);
    }
    if (len >= sizeof(ret->name))
        return err_set(reterr, -ENAMETOOLONG, "the host has %zu bytes, and %zu are the most", len,
                       sizeof(ret->name) - 1);
    memcpy(ret->name, text, len);
    ret->name[len] = '\0';
    return address_check_host(ret, reterr);
}

static int
address_split(const char *text, struct address_host *ret, struct err *reterr)
{
    const char *colon = strrchr(text, ':');
    int r;

    if (!colon)
        return err_set(reterr, -EINVAL,
                       "'%s' has no port: expected host:port, [v6]:port, :port or unix:/path",
                       text);
    r = address_parse_port(colon + 1, &ret->port, reterr);
    return r < 0 ? r : address_take_host(text, (size_t)(colon - text), ret, reterr);
}

static bool
address_is_unix(const char *text)
{
    return strncmp(text, UNIX_PREFIX, strlen(UNIX_PREFIX)) == 0;
}

int
address_parse(const char *text, struct address *ret, struct err *reterr)
{
    struct address_host host = {.port = 0};
    int r;

    if (address_is_unix(text))
        return address_parse_unix(text + strlen(UNIX_PREFIX), ret, reterr);
    r = address_split(text, &host, reterr);
    if (r < 0)
        return r;
    if (host.name[0] && strcmp(host.name, "*") != 0) {
        r = address_look_up(&host, false, ret, 1, reterr);
        return r < 0 ? r : 0;
    }
    address_any(ret);
    address_set_port(ret, host.port);
    return 0;
}

int
address_parse_source(const char *text, struct address *ret)
{
    struct address_host host;
    int r;

    if (address_is_unix(text))
        return address_parse_unix(text + strlen(UNIX_PREFIX), ret, NULL);
    r = address_split(text, &host, NULL);
    if (r == 0)
        r = address_look_up(&host, true, ret, 1, NULL);
    return r < 0 && r != -ENOMEM ? -EINVAL : MIN(r, 0);
}

int
address_parse_peer(const char *text, struct address *ret, struct address_host *ret_host,
                   struct err *reterr)
{
    int r;

    if (address_is_unix(text))
        return address_parse_unix(text + strlen(UNIX_PREFIX), ret, reterr);
    r = address_split(text, ret_host, reterr);
    if (r < 0)
        return r;
    if (ret_host->name[0] == '\0')
        return err_set(reterr, -EINVAL, "the host is missing before ':%u'", ret_host->port);
    if (ret_host->port == 0)
        return err_set(reterr, -ERANGE, "port 0 cannot be bound or reached");
    r = address_look_up(ret_host, true, ret, 1, ret_host->bracketed ? reterr : NULL);
    if (r == -EADDRNOTAVAIL && !ret_host->bracketed)
        return 1;
    return r < 0 ? r : 0;
}

/* ---- Writing --------------------------------------------------------------------------------- */

static void
address_format_unix(const struct sockaddr_un *un, socklen_t len, char *buf, size_t size)
{
    size_t head = offsetof(struct sockaddr_un, sun_path);
    int bytes = len > head ? (int)(len - head) : 0;

    if (bytes == 0)
        snprintf(buf, size, "unix:");
    else if (un->sun_path[0] == '\0')
        snprintf(buf, size, "unix:@%.*s", bytes - 1, un->sun_path + 1);
    else
        snprintf(buf, size, "unix:%.*s", bytes, un->sun_path);
}

char *
address_format(const struct sockaddr *sa, socklen_t len, char *buf, size_t size)
{
    char host[INET6_ADDRSTRLEN + IF_NAMESIZE + 1], port[8];

    if (sa->sa_family == AF_UNIX)
        address_format_unix((const struct sockaddr_un *)(const void *)sa, len, buf, size);
    else if (getnameinfo(sa, len, host, sizeof(host), port, sizeof(port),
                         NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        snprintf(buf, size, "?");
    else
        snprintf(buf, size, sa->sa_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
    return buf;
}
