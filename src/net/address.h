/* Socket addresses and how people write them. */
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/err.h"

#define ADDRESS_TEXT_MAX (sizeof(struct sockaddr_un) + 16)

struct address {
    socklen_t len;
    bool any; /* written without a host: every address of this machine, IPv6 and IPv4 */
    union {
        struct sockaddr sa;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
        struct sockaddr_un un;
        struct sockaddr_storage storage;
    };
};

/* "host:port", "[v6]:port", ":port", "*:port", "unix:/path", "unix:@abstract". A host that is not
 * an address is looked up by getaddrinfo(3), which may block. */
int address_parse(const char *text, struct address *ret, struct err *reterr);

/* A host as it is written, and the port behind it. */
struct address_host {
    char name[256];
    bool bracketed; /* it must be an IPv6 address */
    unsigned port;
};

/* The same for a peer to connect to, with a host and a port. 0 with *ret; 1 with *ret_host
 * where a name has to be looked up first. Never blocks. */
int address_parse_peer(const char *text, struct address *ret, struct address_host *ret_host,
                       struct err *reterr);

/* For the socket that connects: an address, where port 0 leaves the port to the kernel. */
int address_parse_source(const char *text, struct address *ret);

/* The addresses of a host, at most max of them; `numeric`: only if it is one itself, for else this
 * may block. Returns how many; -EADDRNOTAVAIL: it has none; -EAGAIN: the name server does not
 * answer; -ENOMEM. getaddrinfo(3). */
int address_look_up(const struct address_host *host, bool numeric, struct address *ret,
                    unsigned max, struct err *reterr);

/* As address_parse() reads it; returns buf. */
char *address_format(const struct sockaddr *sa, socklen_t len, char *buf, size_t size);

static inline bool
address_is_tcp(const struct address *a)
{
    return a->sa.sa_family == AF_INET || a->sa.sa_family == AF_INET6;
}

/* The same address and port, however it was written. */
bool address_is_same(const struct address *a, const struct address *b);

/* The port of a TCP address, or 0. */
unsigned address_port(const struct address *a);
void address_set_port(struct address *a, unsigned port);
