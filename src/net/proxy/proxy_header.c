#include "net/proxy/proxy_header.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define V2_SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define V2_SIGNATURE_BYTES (sizeof(V2_SIGNATURE) - 1)
#define V2_VERSION 0x20
#define V2_LOCAL 0x0
#define V2_PROXY 0x1
#define V2_TLV_HEAD 3 /* type, length */

/* Address family in the high bits, how it is transported in the low ones. */
enum v2_family {
    V2_UNSPEC = 0x00,
    V2_INET_STREAM = 0x11,
    V2_INET_DGRAM = 0x12,
    V2_INET6_STREAM = 0x21,
    V2_INET6_DGRAM = 0x22,
    V2_UNIX_STREAM = 0x31,
    V2_UNIX_DGRAM = 0x32,
};

/* The address blocks, as they are sent. */
struct v2_inet {
    uint8_t from[4], to[4];
    uint16_t from_port, to_port;
};
struct v2_inet6 {
    uint8_t from[16], to[16];
    uint16_t from_port, to_port;
};
struct v2_unix {
    uint8_t from[108], to[108];
};

static_assert(sizeof(struct v2_inet) == 12 && sizeof(struct v2_inet6) == 36 &&
                  sizeof(struct v2_unix) == 216,
              "a block has no gaps");
static_assert(PROXY_HEADER_WRITE_MAX >= PROXY_HEADER_V1_MAX &&
                  PROXY_HEADER_WRITE_MAX == PROXY_HEADER_V2_MIN + sizeof(struct v2_unix),
              "a built header fits");

static void
address_set_ip(struct address *a, int family, const void *ip, uint16_t port)
{
    *a = (struct address){.sa.sa_family = (sa_family_t)family};
    if (family == AF_INET) {
        a->len = sizeof(a->in);
        memcpy(&a->in.sin_addr, ip, sizeof(a->in.sin_addr));
        a->in.sin_port = port;
    } else {
        a->len = sizeof(a->in6);
        memcpy(&a->in6.sin6_addr, ip, sizeof(a->in6.sin6_addr));
        a->in6.sin6_port = port;
    }
}

/* ---- Version 1: a line ----------------------------------------------------------------------- */

/* The word before the next space, or the last one, NUL-terminated in buf; false if it is empty,
 * does not fit or holds a NUL. */
static bool
v1_word(const char **at, const char *end, char *buf, size_t size)
{
    const char *space = memchr(*at, ' ', (size_t)(end - *at));
    size_t len = (size_t)((space ? space : end) - *at);

    if (len == 0 || len >= size || memchr(*at, '\0', len))
        return false;
    memcpy(buf, *at, len);
    buf[len] = '\0';
    *at = space ? space + 1 : end;
    return true;
}

static bool
v1_ip(const char **at, const char *end, int family, void *ret)
{
    char word[INET6_ADDRSTRLEN];

    return v1_word(at, end, word, sizeof(word)) && inet_pton(family, word, ret) == 1;
}

/* Decimal, without leading zeros. */
static bool
v1_port(const char **at, const char *end, uint16_t *ret)
{
    char word[sizeof("65535")];
    unsigned port = 0;

    if (!v1_word(at, end, word, sizeof(word)) || (word[0] == '0' && word[1]))
        return false;
    for (const char *p = word; *p; p++) {
        if (*p < '0' || *p > '9')
            return false;
        port = port * 10 + (unsigned)(*p - '0');
    }
    *ret = htons((uint16_t)port);
    return port <= UINT16_MAX;
}

/* The words between "PROXY " and CR LF. */
static int
v1_parse_words(const char *at, const char *end, struct proxy_header *ret)
{
    struct in6_addr from, to;
    uint16_t from_port, to_port;
    char kind[sizeof("UNKNOWN")];
    int family;

    if (!v1_word(&at, end, kind, sizeof(kind)))
        return -EBADMSG;
    if (strcmp(kind, "UNKNOWN") == 0)
        return 0; /* whatever follows means nothing */
    family = strcmp(kind, "TCP4") == 0 ? AF_INET : AF_INET6;
    if (family == AF_INET6 && strcmp(kind, "TCP6") != 0)
        return -EBADMSG;
    if (!v1_ip(&at, end, family, &from) || !v1_ip(&at, end, family, &to) ||
        !v1_port(&at, end, &from_port) || !v1_port(&at, end, &to_port) || at != end ||
        end[-1] == ' ')
        return -EBADMSG;
    address_set_ip(&ret->from, family, &from, from_port);
    address_set_ip(&ret->to, family, &to, to_port);
    ret->told = true;
    return 0;
}

static ssize_t
v1_parse(const char *data, size_t len, struct proxy_header *ret)
{
    static const char head[] = "PROXY ";
    size_t head_len = strlen(head), seen = MIN(len, PROXY_HEADER_V1_MAX), line;

    if (memcmp(data, head, MIN(len, head_len)) != 0)
        return -EBADMSG;
    for (line = MIN(seen, head_len); line < seen && data[line] != '\r'; line++)
        if (data[line] == '\n')
            return -EBADMSG;
    if (line + 1 >= PROXY_HEADER_V1_MAX)
        return -EBADMSG; /* no room for CR LF */
    if (line + 1 >= seen)
        return -EAGAIN;
    if (data[line + 1] != '\n' || v1_parse_words(data + head_len, data + line, ret) < 0)
        return -EBADMSG;
    return (ssize_t)line + 2;
}

/* ---- Version 2: bytes ------------------------------------------------------------------------ */

static uint16_t
v2_number(const uint8_t *data)
{
    return (uint16_t)(data[0] << 8 | data[1]);
}

/* The bytes of a family's addresses; negative: no such family. */
static int
v2_block_bytes(uint8_t family)
{
    switch (family) {
    case V2_UNSPEC:
        return 0;
    case V2_INET_STREAM:
    case V2_INET_DGRAM:
        return sizeof(struct v2_inet);
    case V2_INET6_STREAM:
    case V2_INET6_DGRAM:
        return sizeof(struct v2_inet6);
    case V2_UNIX_STREAM:
    case V2_UNIX_DGRAM:
        return sizeof(struct v2_unix);
    default:
        return -EBADMSG;
    }
}

/* Each must end within the header, and the last with it. */
static bool
v2_check_tlvs(const uint8_t *data, size_t len)
{
    while (len >= V2_TLV_HEAD) {
        size_t tlv = V2_TLV_HEAD + (size_t)v2_number(data + 1);

        if (tlv > len)
            return false;
        data += tlv;
        len -= tlv;
    }
    return len == 0;
}

static void
address_set_unix(struct address *a, const uint8_t *path)
{
    *a = (struct address){.len = sizeof(a->un), .un.sun_family = AF_UNIX};
    memcpy(a->un.sun_path, path, sizeof(a->un.sun_path));
}

static void
v2_take_block(uint8_t family, const uint8_t *data, struct proxy_header *ret)
{
    struct v2_inet inet;
    struct v2_inet6 inet6;

    switch (v2_block_bytes(family)) {
    case sizeof(struct v2_inet):
        memcpy(&inet, data, sizeof(inet));
        address_set_ip(&ret->from, AF_INET, inet.from, inet.from_port);
        address_set_ip(&ret->to, AF_INET, inet.to, inet.to_port);
        break;
    case sizeof(struct v2_inet6):
        memcpy(&inet6, data, sizeof(inet6));
        address_set_ip(&ret->from, AF_INET6, inet6.from, inet6.from_port);
        address_set_ip(&ret->to, AF_INET6, inet6.to, inet6.to_port);
        break;
    case sizeof(struct v2_unix):
        address_set_unix(&ret->from, data + offsetof(struct v2_unix, from));
        address_set_unix(&ret->to, data + offsetof(struct v2_unix, to));
        break;
    default:
        return;
    }
    ret->told = true;
}

/* A whole header, whose addresses take `block` bytes. */
static ssize_t
v2_take(const uint8_t *data, size_t whole, size_t block, struct proxy_header *ret)
{
    const uint8_t *tlvs = data + PROXY_HEADER_V2_MIN + block;

    if (!v2_check_tlvs(tlvs, whole - PROXY_HEADER_V2_MIN - block))
        return -EBADMSG;
    v2_take_block(data[13], data + PROXY_HEADER_V2_MIN, ret);
    return (ssize_t)whole;
}

static ssize_t
v2_parse(const uint8_t *data, size_t len, size_t max, struct proxy_header *ret)
{
    size_t whole;
    int block;

    if (memcmp(data, V2_SIGNATURE, MIN(len, V2_SIGNATURE_BYTES)) != 0)
        return -EBADMSG;
    if (len > 12 && data[12] != (V2_VERSION | V2_LOCAL) && data[12] != (V2_VERSION | V2_PROXY))
        return -EBADMSG;
    if (len < PROXY_HEADER_V2_MIN)
        return -EAGAIN;
    whole = PROXY_HEADER_V2_MIN + (size_t)v2_number(data + 14);
    if (whole > max)
        return -EMSGSIZE;
    if (data[12] == (V2_VERSION | V2_LOCAL)) /* the rest means nothing */
        return len < whole ? -EAGAIN : (ssize_t)whole;
    block = v2_block_bytes(data[13]);
    if (block < 0 || PROXY_HEADER_V2_MIN + (size_t)block > whole)
        return -EBADMSG;
    return len < whole ? -EAGAIN : v2_take(data, whole, (size_t)block, ret);
}

ssize_t
proxy_header_parse(const void *data, size_t len, size_t max, struct proxy_header *ret)
{
    struct proxy_header header = {.told = false};
    ssize_t r;

    if (len == 0)
        return -EAGAIN;
    if (*(const char *)data == 'P')
        r = v1_parse(data, len, &header);
    else
        r = v2_parse(data, len, max, &header);
    if (r > 0)
        *ret = header;
    return r;
}

/* ---- Building -------------------------------------------------------------------------------- */

static bool
address_is_mapped(const struct address *a)
{
    return a->sa.sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&a->in6.sin6_addr);
}

/* The IPv4 address that it is, or that is mapped into it; NULL: none. */
static const void *
address_ipv4(const struct address *a)
{
    if (a->sa.sa_family == AF_INET)
        return &a->in.sin_addr;
    return address_is_mapped(a) ? &a->in6.sin6_addr.s6_addr[12] : NULL;
}

static void
address_ipv6(const struct address *a, struct in6_addr *ret)
{
    if (a->sa.sa_family == AF_INET6) {
        *ret = a->in6.sin6_addr;
        return;
    }
    *ret = (struct in6_addr){.s6_addr = {[10] = 0xff, [11] = 0xff}};
    memcpy(&ret->s6_addr[12], &a->in.sin_addr, sizeof(a->in.sin_addr));
}

static size_t
v1_write(const struct address *from, const struct address *to, char *buf)
{
    char from_text[INET6_ADDRSTRLEN], to_text[INET6_ADDRSTRLEN];
    struct in6_addr from_ip, to_ip;
    const void *from_ipv4 = address_ipv4(from), *to_ipv4 = address_ipv4(to);
    const char *kind = "TCP4";

    if (!address_is_tcp(from) || !address_is_tcp(to))
        return (size_t)snprintf(buf, PROXY_HEADER_WRITE_MAX, "PROXY UNKNOWN\r\n");
    if (from_ipv4 && to_ipv4) {
        inet_ntop(AF_INET, from_ipv4, from_text, sizeof(from_text));
        inet_ntop(AF_INET, to_ipv4, to_text, sizeof(to_text));
    } else {
        kind = "TCP6";
        address_ipv6(from, &from_ip);
        address_ipv6(to, &to_ip);
        inet_ntop(AF_INET6, &from_ip, from_text, sizeof(from_text));
        inet_ntop(AF_INET6, &to_ip, to_text, sizeof(to_text));
    }
    return (size_t)snprintf(buf, PROXY_HEADER_WRITE_MAX, "PROXY %s %s %s %u %u\r\n", kind,
                            from_text, to_text, address_port(from), address_port(to));
}

static void
v2_put_inet(const struct address *from, const struct address *to, uint8_t *block)
{
    struct v2_inet b = {.from_port = htons((uint16_t)address_port(from)),
                        .to_port = htons((uint16_t)address_port(to))};

    memcpy(b.from, address_ipv4(from), sizeof(b.from));
    memcpy(b.to, address_ipv4(to), sizeof(b.to));
    memcpy(block, &b, sizeof(b));
}

static void
v2_put_inet6(const struct address *from, const struct address *to, uint8_t *block)
{
    struct v2_inet6 b = {.from_port = htons((uint16_t)address_port(from)),
                         .to_port = htons((uint16_t)address_port(to))};
    struct in6_addr ip;

    address_ipv6(from, &ip);
    memcpy(b.from, &ip, sizeof(b.from));
    address_ipv6(to, &ip);
    memcpy(b.to, &ip, sizeof(b.to));
    memcpy(block, &b, sizeof(b));
}

static void
v2_put_path(const struct address *a, uint8_t *path)
{
    size_t head = offsetof(struct sockaddr_un, sun_path), len = a->len > head ? a->len - head : 0;

    memset(path, 0, sizeof(a->un.sun_path));
    memcpy(path, a->un.sun_path, MIN(len, sizeof(a->un.sun_path)));
}

static enum v2_family
v2_put_block(const struct address *from, const struct address *to, uint8_t *block)
{
    if (from->sa.sa_family == AF_UNIX && to->sa.sa_family == AF_UNIX) {
        v2_put_path(from, block + offsetof(struct v2_unix, from));
        v2_put_path(to, block + offsetof(struct v2_unix, to));
        return V2_UNIX_STREAM;
    }
    if (!address_is_tcp(from) || !address_is_tcp(to))
        return V2_UNSPEC;
    if (address_ipv4(from) && address_ipv4(to)) {
        v2_put_inet(from, to, block);
        return V2_INET_STREAM;
    }
    v2_put_inet6(from, to, block);
    return V2_INET6_STREAM;
}

static size_t
v2_write(const struct address *from, const struct address *to, uint8_t *buf)
{
    enum v2_family family = v2_put_block(from, to, buf + PROXY_HEADER_V2_MIN);
    int block = v2_block_bytes((uint8_t)family);

    memcpy(buf, V2_SIGNATURE, V2_SIGNATURE_BYTES);
    buf[12] = V2_VERSION | V2_PROXY;
    buf[13] = (uint8_t)family;
    buf[14] = (uint8_t)(block >> 8);
    buf[15] = (uint8_t)block;
    return PROXY_HEADER_V2_MIN + (size_t)block;
}

size_t
proxy_header_write(unsigned version, const struct address *from, const struct address *to,
                   void *buf)
{
    assert(version == 1 || version == 2);
    return version == 1 ? v1_write(from, to, buf) : v2_write(from, to, buf);
}
