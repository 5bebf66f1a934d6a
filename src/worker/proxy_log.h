/* The proxies of a listener: from its configuration to its policy, and what the log says of them.
 */
#pragma once

#include "conf/config.h"
#include "net/proxy/proxied.h"

struct proxies {
    struct proxy_policy policy;
    struct network *networks; /* to be filled in; NULL: the listener has none */
    const char *listener;
};

/* As the configuration says, but for the networks. 0; -ENOMEM. */
int proxies_init(struct proxies *p, const struct config_listener *c);
void proxies_fini(struct proxies *p);

/* NULL: none is a proxy. */
const struct proxy_policy *proxies_policy(const struct proxies *p);
