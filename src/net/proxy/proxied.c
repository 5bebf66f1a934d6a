#include "net/proxy/proxied.h"

#include <errno.h>
#include <string.h>

#include "base/sys.h"
#include "net/conn/conn.h"
#include "net/tally.h"

/* The part of a header that has come without the rest. */
struct kept {
    size_t len;
    char data[];
};

struct proxied {
    struct conn_address local; /* from the header; AF_UNSPEC: none */
    struct kept *kept;
    bool passed; /* there is none, or it has been read */
} __attribute__((aligned(16)));

static_assert(sizeof(struct proxied) % 16 == 0, "the handler's state behind it is misaligned");

static struct proxied *
proxied_of(struct conn *c)
{
    return conn_prologue_state(c);
}

/* ---- Bytes ----------------------------------------------------------------------------------- */

static ssize_t
proxied_recv(struct conn *c, void *buf, size_t len, int flags)
{
    ssize_t n;

    do
        n = sys_recv(c->watch.fd, buf, len, flags);
    while (n < 0 && errno == EINTR);
    if (n == 0)
        return -ECONNRESET; /* the end, in the middle of it */
    return n < 0 ? -errno : n;
}

/* Take len bytes that are known to be there out of the socket. */
static int
proxied_consume(struct conn *c, char *buf, size_t len)
{
    while (len > 0) {
        ssize_t n = proxied_recv(c, buf, len, 0);

        if (n < 0)
            return (int)n;
        buf += n;
        len -= (size_t)n;
    }
    return 0;
}

static int
proxied_keep(struct proxied *p, const char *data, size_t len)
{
    struct kept *kept = realloc(p->kept, sizeof(*kept) + len);

    if (!kept)
        return -ENOMEM;
    p->kept = kept;
    kept->len = len;
    memcpy(kept->data, data, len);
    return 0;
}

static void
proxied_drop(struct proxied *p)
{
    free(p->kept);
    p->kept = NULL;
}

/* ---- The header ------------------------------------------------------------------------------ */

static void
proxied_take(struct conn *c, const struct proxy_header *header)
{
    struct proxied *p = proxied_of(c);

    proxied_drop(p);
    c->deadline_ns = 0; /* it is the handler's from now on */
    c->active_tick = net_tick(c->service->net);
    if (!header->told)
        return;
    conn_address_set(&c->peer, &header->from.sa);
    conn_address_set(&p->local, &header->to.sa);
}

/* Peek at the received bytes, behind the kept ones, and take no byte that is not of the header. 0:
 * it is whole; 1: look again; negative: -EAGAIN until more comes. */
static int
proxied_read(struct conn *c)
{
    struct proxied *p = proxied_of(c);
    char *buffer = c->service->net->read_buffer;
    size_t max = c->service->proxy->header_max, kept = p->kept ? p->kept->len : 0;
    struct proxy_header header;
    ssize_t n, used;
    int r;

    n = proxied_recv(c, buffer + kept, max - kept, MSG_PEEK);
    if (n < 0)
        return (int)n;
    if (kept > 0)
        memcpy(buffer, p->kept->data, kept);
    used = proxy_header_parse(buffer, kept + (size_t)n, max, &header);
    if (used < 0 && used != -EAGAIN)
        return (int)used;
    r = proxied_consume(c, buffer + kept, used < 0 ? (size_t)n : (size_t)used - kept);
    if (r < 0)
        return r;
    if (used > 0)
        proxied_take(c, &header);
    else
        r = proxied_keep(p, buffer, kept + (size_t)n);
    return used > 0 || r < 0 ? r : 1;
}

static int
proxied_fail(struct conn *c, int error)
{
    const struct proxy_policy *policy = c->service->proxy;
    enum net_proxy outcome = error == -EBADMSG || error == -EMSGSIZE ? NET_PROXY_MALFORMED
                             : error == -ETIMEDOUT                   ? NET_PROXY_TIMEOUT
                                                                     : NET_PROXY_CLOSED;

    metric_add(&c->service->net->metrics->proxy[outcome], 1);
    if (outcome != NET_PROXY_CLOSED && policy->on_bad)
        policy->on_bad(c, error, policy->on_bad_arg);
    return error;
}

/* Is this a proxy that owes a header? Then its time runs from now on. */
static int
proxied_expect(struct conn *c)
{
    const struct proxy_policy *policy = c->service->proxy;
    struct sockaddr_storage peer;

    conn_peer_address(c, &peer);
    if (!proxy_policy_expects(policy, (struct sockaddr *)&peer))
        return 0;
    c->deadline_ns = conn_poller(c)->now_ns + policy->timeout_ns;
    return conn_timer_update(c) < 0 ? -ENOMEM : 1;
}

/* Count the connection for the client that the proxy has named. 0; a negative errno at its limit.
 */
static int
proxied_tally(struct conn *c)
{
    const struct service *s = c->service;
    struct sockaddr_storage peer;
    int r;

    if (!s->clients)
        return 0;
    conn_peer_address(c, &peer);
    r = tally_add(s->clients, (struct sockaddr *)&peer, s->client_max);
    if (r == 0)
        c->flags |= CONN_TALLIED;
    else
        metric_add(&s->net->metrics->refused[NET_REFUSED_CLIENT], 1);
    return r == -EAGAIN ? -ECONNREFUSED : r; /* the other would be waited for */
}

static int
proxied_begin(struct conn *c)
{
    struct proxied *p = proxied_of(c);
    int r;

    if (p->passed)
        return 0;
    r = c->deadline_ns ? 1 : proxied_expect(c);
    p->passed = r == 0;
    if (r <= 0)
        return r;
    while (r > 0)
        r = proxied_read(c);
    if (r == -EAGAIN && c->deadline_ns <= conn_poller(c)->now_ns)
        r = -ETIMEDOUT;
    if (r != 0)
        return r == -EAGAIN ? r : proxied_fail(c, r);
    p->passed = true;
    metric_add(&c->service->net->metrics->proxy[NET_PROXY_READ], 1);
    return proxied_tally(c);
}

/* ---- Addresses for the connection ------------------------------------------------------------ */

static socklen_t
proxied_local_address(const struct conn *c, struct sockaddr_storage *ret_address)
{
    const char *state = (const char *)(c + 1) + c->service->transport->state_bytes;
    const struct proxied *p = (const struct proxied *)(const void *)state;

    return p->local.family ? conn_address_get(&p->local, ret_address) : 0;
}

static void
proxied_fini(struct conn *c)
{
    proxied_drop(proxied_of(c));
}

const struct prologue prologue_proxied = {
    .name = "proxied",
    .state_bytes = sizeof(struct proxied),
    .read = proxied_begin,
    .local_address = proxied_local_address,
    .fini = proxied_fini,
};
