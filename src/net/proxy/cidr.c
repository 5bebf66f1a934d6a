#include "net/proxy/cidr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#define MAPPED_BITS 96 /* of ::ffff:0:0/96, where IPv4 addresses are among those of IPv6 */

static unsigned
cidr_bits(sa_family_t family)
{
    return family == AF_INET ? 32 : 128;
}

/* ---- Reading --------------------------------------------------------------------------------- */

static int
cidr_parse_bits(const char *text, struct cidr *n, struct err *reterr)
{
    unsigned bits = 0, max = cidr_bits(n->family);

    if (!*text)
        return err_set(reterr, -EINVAL, "the number of bits is missing after '/'");
    for (const char *p = text; *p; p++) {
        if (*p < '0' || *p > '9')
            return err_set(reterr, -EINVAL, "'%s' after '/' is not a number of bits", text);
        bits = MIN(bits * 10 + (unsigned)(*p - '0'), 1000u);
    }
    if (bits > max)
        return err_set(reterr, -ERANGE, "/%s is above %u, the bits of an IPv%c address", text, max,
                       n->family == AF_INET ? '4' : '6');
    n->prefix = (uint8_t)bits;
    return 0;
}

/* Zero the bits behind the prefix. Returns true if any was set. */
static bool
cidr_clear_host(struct cidr *n)
{
    bool found = false;

    for (unsigned bit = n->prefix; bit < cidr_bits(n->family); bit++) {
        uint8_t mask = (uint8_t)(0x80 >> bit % 8);

        found |= n->ip[bit / 8] & mask;
        n->ip[bit / 8] &= (uint8_t)~mask;
    }
    return found;
}

static int
cidr_check_host(struct cidr *n, const char *text, struct err *reterr)
{
    char clear[INET6_ADDRSTRLEN];

    if (!cidr_clear_host(n))
        return 0;
    inet_ntop(n->family, n->ip, clear, sizeof(clear));
    return err_set(reterr, -EINVAL, "%s has bits set behind the first %u; did you mean %s/%u?",
                   text, n->prefix, clear, n->prefix);
}

static void
cidr_unmap(struct cidr *n)
{
    struct in6_addr ip;

    memcpy(&ip, n->ip, sizeof(ip));
    if (n->family != AF_INET6 || n->prefix < MAPPED_BITS || !IN6_IS_ADDR_V4MAPPED(&ip))
        return;
    n->family = AF_INET;
    n->prefix -= MAPPED_BITS;
    memcpy(n->ip, &ip.s6_addr[12], 4);
}

int
cidr_parse(const char *text, struct cidr *ret, struct err *reterr)
{
    const char *slash = strchr(text, '/');
    size_t len = slash ? (size_t)(slash - text) : strlen(text);
    struct cidr n = {.family = AF_INET};
    char ip[INET6_ADDRSTRLEN];
    int r = 0;

    if (strcmp(text, "unix") == 0) {
        *ret = (struct cidr){.family = AF_UNIX};
        return 0;
    }
    snprintf(ip, sizeof(ip), "%.*s", (int)MIN(len, sizeof(ip)), text);
    if (memchr(ip, ':', strlen(ip)))
        n.family = AF_INET6;
    if (len >= sizeof(ip) || inet_pton(n.family, ip, n.ip) != 1)
        return err_set(reterr, -EINVAL,
                       "'%s' is not a network: expected one such as 10.0.0.0/8, 192.0.2.1, "
                       "2001:db8::/32 or unix",
                       text);
    n.prefix = (uint8_t)cidr_bits(n.family);
    if (slash)
        r = cidr_parse_bits(slash + 1, &n, reterr);
    if (r == 0)
        r = cidr_check_host(&n, text, reterr);
    if (r < 0)
        return r;
    cidr_unmap(&n);
    *ret = n;
    return 0;
}

/* ---- Comparing ------------------------------------------------------------------------------- */

static bool
cidr_has(const struct cidr *n, sa_family_t family, const uint8_t *ip)
{
    unsigned bytes = n->prefix / 8, bits = n->prefix % 8;

    if (n->family != family)
        return false;
    if (!ip)
        return true;
    return memcmp(n->ip, ip, bytes) == 0 &&
           (bits == 0 || (n->ip[bytes] ^ ip[bytes]) >> (8 - bits) == 0);
}

bool
cidr_any(const struct cidr *cidrs, size_t count, const struct sockaddr *sa)
{
    union {
        const struct sockaddr *sa;
        const struct sockaddr_in *in;
        const struct sockaddr_in6 *in6;
    } of = {.sa = sa};
    sa_family_t family = sa->sa_family;
    const uint8_t *ip = NULL;

    if (family == AF_INET6)
        ip = of.in6->sin6_addr.s6_addr;
    else if (family == AF_INET)
        ip = (const uint8_t *)&of.in->sin_addr;
    if (family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&of.in6->sin6_addr)) {
        family = AF_INET;
        ip += MAPPED_BITS / 8;
    }
    for (size_t i = 0; i < count; i++)
        if (cidr_has(&cidrs[i], family, ip))
            return true;
    return false;
}
