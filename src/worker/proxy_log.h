/* The proxies of a listener: the policy from its configuration, and log lines about them. */
#pragma once

#include "conf/config.h"
#include "net/proxy/proxied.h"

struct proxy_log {
    struct proxy_policy policy;
    struct cidr *cidrs; /* to be filled in; NULL: the listener has none */
    const char *listener;
};

/* Take the configuration over, except the list of networks. 0; -ENOMEM. */
int proxy_log_init(struct proxy_log *p, const struct config_listener *c);
void proxy_log_fini(struct proxy_log *p);

/* NULL: none is a proxy. */
const struct proxy_policy *proxy_log_policy(const struct proxy_log *p);
