#include "download/throttle.h"

#include <netinet/in.h>

#include "download/options.h"

/* A number of the address, without its port. What has none is one client. */
static uint64_t
dl_throttle_hash(uint64_t key, const struct sockaddr_storage *address)
{
    uint64_t words[2] = {0};
    uint64_t hash = key;

    if (address->ss_family == AF_INET6)
        memcpy(words, &((const struct sockaddr_in6 *)address)->sin6_addr, sizeof(words));
    else if (address->ss_family == AF_INET)
        words[0] = ((const struct sockaddr_in *)address)->sin_addr.s_addr;
    for (int i = 0; i < 2; i++) {
        hash = (hash ^ words[i]) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 32;
    }
    return hash;
}

static struct dl_pace_bucket *
dl_throttle_client(struct dl_throttle_shared *shared, const struct goevd_http_request *r)
{
    struct sockaddr_storage address = {.ss_family = AF_UNSPEC};

    goevd_http_client_address(r, &address);
    return &shared->clients[dl_throttle_hash(shared->key, &address) & (DL_THROTTLE_CLIENTS - 1)];
}

static struct dl_pace_bucket *
dl_throttle_join(struct dl_pace_bucket *bucket)
{
    atomic_fetch_add_explicit(&bucket->users, 1, memory_order_relaxed);
    return bucket;
}

/* The limits that hold now. Returns how many. */
static unsigned
dl_throttle_limits(struct dl_throttle *t, struct goevd_http_request *r, const struct dl_options *o,
                   struct dl_pace_limit *ret)
{
    unsigned count = 0;

    if (o->rate != 0)
        ret[count++] = (struct dl_pace_limit){&t->own, o->rate};
    if (o->client_rate != 0) {
        if (!t->client)
            t->client = dl_throttle_join(dl_throttle_client(t->shared, r));
        ret[count++] = (struct dl_pace_limit){t->client, o->client_rate};
    }
    if (o->route_rate != 0) {
        if (!t->route)
            t->route = dl_throttle_join(&t->shared->route);
        ret[count++] = (struct dl_pace_limit){t->route, o->route_rate};
    }
    return count;
}

void
dl_throttle_init(struct dl_throttle *t, struct goevd_self *self, struct dl_throttle_shared *shared)
{
    *t = (struct dl_throttle){.self = self, .shared = shared};
}

int
dl_throttle_ask(struct dl_throttle *t, struct goevd_http_request *r, uint64_t left)
{
    const struct dl_options *o = goevd_options(t->self, goevd_http_poller(r));
    struct dl_pace_limit limits[3];
    int64_t now_ns;

    if (t->granted == 0 && (o->rate | o->client_rate | o->route_rate) == 0)
        return left < DL_PACE_SLICE_MAX ? (int)left : DL_PACE_SLICE_MAX;
    now_ns = (int64_t)goevd_now();
    if (t->granted == 0)
        t->granted = dl_pace_take(limits, dl_throttle_limits(t, r, o, limits), o->burst, left,
                                  now_ns, &t->due_ns);
    if (now_ns >= t->due_ns)
        return (int)t->granted;
    return goevd_http_timer(r, (uint64_t)(t->due_ns - now_ns));
}

void
dl_throttle_spend(struct dl_throttle *t)
{
    t->granted = 0;
}

static void
dl_throttle_leave(struct dl_pace_bucket *bucket)
{
    if (bucket)
        atomic_fetch_sub_explicit(&bucket->users, 1, memory_order_relaxed);
}

void
dl_throttle_fini(struct dl_throttle *t)
{
    dl_throttle_leave(t->client);
    dl_throttle_leave(t->route);
}
