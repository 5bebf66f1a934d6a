/* goevd/cidr.h - sets of addresses, such as 10.0.0.0/8.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef GOEVD_CIDR_H
#define GOEVD_CIDR_H

#include <goevd/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A set of addresses, filled by goevd_cidr_parse(). */
struct goevd_cidr {
    uint16_t family; /* AF_INET, AF_INET6; AF_UNIX: every peer on a unix socket */
    uint8_t prefix;  /* bits of ip that count */
    uint8_t ip[16];
};

/* The functions below, in the table that goevd_host->cidr points to. */
struct goevd_host_cidr {
    struct goevd_version version;

    int (*cidr_parse)(const char *text, struct goevd_cidr *ret_cidr, char *ret_reason, size_t size);
    bool (*cidr_any)(const struct goevd_cidr *cidrs, size_t count, const struct sockaddr *address);
};

/* Parse a set of addresses: "10.0.0.0/8", "2001:db8::/32", "192.0.2.1" alone, or "unix" for all
 * peers on unix sockets. create can refuse an option by it.
 *
 * ret_reason  what is wrong, a sentence of at most size - 1 bytes; NULL if size is 0.
 * Thread      [any]
 * Returns     0; -EINVAL.
 * Source      RFC 4632, RFC 4291.
 */
static inline int
goevd_cidr_parse(const char *text, struct goevd_cidr *ret_cidr, char *ret_reason, size_t size)
{
    return goevd_host->cidr->cidr_parse(text, ret_cidr, ret_reason, size);
}

/* Whether an address is in one of several sets. An IPv4-mapped IPv6 address counts as IPv4.
 *
 * cidrs    count sets.
 * Thread   [any]
 * Returns  true if it is.
 */
static inline bool
goevd_cidr_any(const struct goevd_cidr *cidrs, size_t count, const struct sockaddr *address)
{
    return goevd_host->cidr->cidr_any(cidrs, count, address);
}

/* The layout on all machines. */
GOEVD_STATIC_ASSERT(sizeof(struct goevd_cidr) == 20, "goevd_cidr has moved");

#ifdef __cplusplus
}
#endif

#endif
