/* Chooses upstreams.
 *
 * All pollers use the same counts without a lock. Choosing and counting are two steps, so pollers
 * that choose at the same moment may choose the same upstream. Connection counts then differ by at
 * most the number of pollers. The counts themselves are exact. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <goevd/connect.h>

#include "relay/relay.h"

#define EARLY_ENDS_MAX 3 /* successive early ends after which an upstream rests */

int
relay_upstreams_init(struct relay_instance *i)
{
    const struct goevd_str *addresses = i->options->upstreams.items;
    const struct goevd_tls_options *tls = i->options->tls;
    int r;

    for (unsigned n = 0; n < i->upstream_count; n++) {
        char reason[256], path[32];

        i->upstreams[n].address = addresses[n].data;
        if (goevd_address_check(addresses[n].data, reason, sizeof(reason)) < 0) {
            snprintf(path, sizeof(path), "upstreams[%u]", n);
            return goevd_refuse(i->self, path, "%s", reason);
        }
        if (tls &&
            (r = goevd_tls_new(i->self, "tls", tls, addresses[n].data, &i->upstreams[n].tls)) < 0)
            return r;
    }
    if (tls && i->options->proxy_protocol != 0)
        return goevd_refuse(i->self, "proxy_protocol",
                            "is not sent to upstreams with TLS; remove it, or tls");
    return 0;
}

/* ---- Choosing -------------------------------------------------------------------------------- */

/* Whether `a` is the better one. An available upstream is better than a resting one. Among
 * available ones the fewest connections win, among resting ones the earliest end of the rest. */
static bool
relay_upstream_better(const struct relay_upstream *a, const struct relay_upstream *b, uint64_t now)
{
    uint64_t rest_a = atomic_load_explicit(&a->rest_until_ns, memory_order_relaxed);
    uint64_t rest_b = atomic_load_explicit(&b->rest_until_ns, memory_order_relaxed);

    if ((rest_a > now) != (rest_b > now))
        return rest_b > now;
    if (rest_a > now)
        return rest_a < rest_b;
    return atomic_load_explicit(&a->connections, memory_order_relaxed) <
           atomic_load_explicit(&b->connections, memory_order_relaxed);
}

static struct relay_upstream *
relay_upstream_best(struct relay_instance *i, uint64_t tried, unsigned first, uint64_t now)
{
    struct relay_upstream *best = NULL;

    for (unsigned n = 0; n < i->upstream_count; n++) {
        unsigned at = (first + n) % i->upstream_count;

        if (tried & UINT64_C(1) << at)
            continue;
        if (!best || relay_upstream_better(&i->upstreams[at], best, now))
            best = &i->upstreams[at];
    }
    return best;
}

/* Let one client try a rested upstream, which keeps resting for all others until the attempt is
 * decided: an upstream that does not reply at all must not delay all clients. */
static bool
relay_upstream_claim(struct relay_instance *i, struct relay_upstream *u, uint64_t now)
{
    uint64_t rest = atomic_load_explicit(&u->rest_until_ns, memory_order_relaxed);

    if (rest == 0 || rest > now)
        return true;
    return atomic_compare_exchange_strong_explicit(&u->rest_until_ns, &rest,
                                                   now + (uint64_t)i->options->rest_ns,
                                                   memory_order_relaxed, memory_order_relaxed);
}

struct relay_upstream *
relay_upstream_take(struct relay_instance *i, uint64_t *tried)
{
    unsigned first = atomic_fetch_add_explicit(&i->first, 1, memory_order_relaxed);
    uint64_t now = goevd_now();
    struct relay_upstream *u;

    do
        u = relay_upstream_best(i, *tried, first, now);
    while (u && !relay_upstream_claim(i, u, now));
    if (!u)
        return NULL;
    *tried |= UINT64_C(1) << (u - i->upstreams);
    atomic_fetch_add_explicit(&u->connections, 1, memory_order_relaxed);
    return u;
}

void
relay_upstream_drop(struct relay_upstream *u)
{
    atomic_fetch_sub_explicit(&u->connections, 1, memory_order_relaxed);
}

/* ---- Results --------------------------------------------------------------------------------- */

void
relay_upstream_answers(struct relay_instance *i, struct relay_upstream *u,
                       struct goevd_poller *poller)
{
    relay_upstream_count(i, u, poller, RELAY_UPSTREAM_CONNECTED, 1);
    if (atomic_load_explicit(&u->rest_until_ns, memory_order_relaxed) == 0 ||
        atomic_exchange_explicit(&u->rest_until_ns, 0, memory_order_relaxed) == 0)
        return;
    relay_count(i, poller, RELAY_RESTING, -1);
    goevd_log(i->self, GOEVD_LOG_NOTICE, "upstream %s answers again", u->address);
}

/* Whether the error is a shortage on this machine, which is not the upstream's fault. */
static bool
relay_upstream_is_innocent(int error)
{
    return error == -ECANCELED || error == -ENOMEM || error == -ENOBUFS || error == -EMFILE ||
           error == -ENFILE;
}

/* Begin a rest; false: the upstream rests already. */
static bool
relay_upstream_rest(struct relay_instance *i, struct relay_upstream *u, struct goevd_poller *poller)
{
    uint64_t until = goevd_now() + (uint64_t)i->options->rest_ns;

    if (atomic_exchange_explicit(&u->rest_until_ns, until, memory_order_relaxed))
        return false;
    relay_count(i, poller, RELAY_RESTING, 1);
    return true;
}

void
relay_upstream_fails(struct relay_instance *i, struct relay_upstream *u,
                     struct goevd_poller *poller, int error)
{
    if (error == -ECANCELED)
        return;
    relay_upstream_count(i, u, poller, RELAY_UPSTREAM_FAILED, 1);
    if (relay_upstream_is_innocent(error) || !relay_upstream_rest(i, u, poller))
        return;
    goevd_log(i->self, GOEVD_LOG_WARNING, "upstream %s does not answer: %s", u->address,
              error == -EADDRNOTAVAIL ? "it has no address, or there is no port left"
                                      : strerror(-error));
}

/* An upstream that fails fast has the fewest connections, and would get every client, so early ends
 * count. */
void
relay_upstream_ends_early(struct relay_instance *i, struct relay_upstream *u,
                          struct goevd_poller *poller)
{
    relay_upstream_count(i, u, poller, RELAY_UPSTREAM_FAILED, 1);
    if (atomic_fetch_add_explicit(&u->early, 1, memory_order_relaxed) + 1 < EARLY_ENDS_MAX ||
        !relay_upstream_rest(i, u, poller))
        return;
    goevd_log(i->self, GOEVD_LOG_WARNING, "upstream %s ends its connections without a byte",
              u->address);
}

void
relay_upstream_serves(struct relay_upstream *u)
{
    if (atomic_load_explicit(&u->early, memory_order_relaxed) > 0)
        atomic_store_explicit(&u->early, 0, memory_order_relaxed);
}
