/* Connections that may come through a proxy, which sends the client's address in a header before
 * all other bytes (PROXY protocol): prologue_proxied. */
#pragma once

#include "net/conn/transport.h"
#include "net/proxy/cidr.h"
#include "net/proxy/proxy_header.h"

/* Of a listener. A peer in one of the networks is a proxy and must begin with a header. Bytes of
 * other peers are never taken for one. */
struct proxy_policy {
    const struct cidr *cidrs;
    size_t cidr_count;
    uint64_t timeout_ns; /* for the header, from accepting on */
    size_t header_max;   /* bytes, at most PROXY_HEADER_MAX */
    bool refuse_others;

    /* A proxy has not sent what it had to [poller that serves]: -EBADMSG, -EMSGSIZE, -ETIMEDOUT.
     * Or NULL. */
    void (*on_bad)(const struct conn *c, int error, void *arg);
    void *on_bad_arg;
};

static inline bool
proxy_policy_expects(const struct proxy_policy *p, const struct sockaddr *peer)
{
    return cidr_any(p->cidrs, p->cidr_count, peer);
}

static inline bool
proxy_policy_admits(const struct proxy_policy *p, const struct sockaddr *peer)
{
    return !p->refuse_others || proxy_policy_expects(p, peer);
}

/* Whether a header has to come first. policy NULL: never. */
static inline bool
proxy_policy_owes(const struct proxy_policy *p, const struct sockaddr *peer)
{
    return p && proxy_policy_expects(p, peer);
}

/* Of connections whose peer may be a proxy. */
extern const struct prologue prologue_proxied;
