#include "worker/proxy_log.h"

#include <errno.h>
#include <stdio.h>

#include "base/log.h"
#include "net/conn/conn.h"

static void
proxy_log_describe(const struct proxy_log *p, int error, char *ret, size_t size)
{
    if (error == -ETIMEDOUT)
        snprintf(ret, size, "no whole PROXY header within %llu ms",
                 (unsigned long long)(p->policy.timeout_ns / NS_PER_MS));
    else if (error == -EMSGSIZE)
        snprintf(ret, size, "its PROXY header is longer than header_max, %zu bytes",
                 p->policy.header_max);
    else
        snprintf(ret, size, "its first bytes are no PROXY header");
}

static void
proxy_log_on_bad(const struct conn *c, int error, void *arg)
{
    struct proxy_log *p = arg;
    char from[ADDRESS_TEXT_MAX], what[128];
    struct sockaddr_storage peer;
    socklen_t len = conn_peer_address(c, &peer);
    struct log_about about = {.listener = p->listener, .client = from, .named = true};

    address_format((struct sockaddr *)&peer, len, from, sizeof(from));
    proxy_log_describe(p, error, what, sizeof(what));
    log_about(&about, LOG_WARNING, "listener %s: closed a connection of the proxy %s: %s",
              p->listener, from, what);
}

int
proxy_log_init(struct proxy_log *p, const struct config_listener *c)
{
    const struct config_proxy *proxy = c->proxy;

    if (!proxy || proxy->from.count == 0)
        return 0;
    p->cidrs = calloc(proxy->from.count, sizeof(*p->cidrs));
    if (!p->cidrs)
        return -ENOMEM;
    p->listener = c->name.data;
    p->policy = (struct proxy_policy){
        .cidrs = p->cidrs,
        .cidr_count = proxy->from.count,
        .timeout_ns = (uint64_t)proxy->timeout_ns,
        .header_max = (size_t)proxy->header_max_bytes,
        .refuse_others = proxy->others == CONFIG_PROXY_OTHERS_REFUSE,
        .on_bad = proxy_log_on_bad,
        .on_bad_arg = p,
    };
    return 0;
}

void
proxy_log_fini(struct proxy_log *p)
{
    free(p->cidrs);
}

const struct proxy_policy *
proxy_log_policy(const struct proxy_log *p)
{
    return p->cidrs ? &p->policy : NULL;
}
