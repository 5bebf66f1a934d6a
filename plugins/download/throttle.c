#include "download/throttle.h"

#include <errno.h>

#include "download/options.h"

#define SECOND INT64_C(1000000000)

static struct dl_client *
dl_throttle_client(struct dl_throttle *t, const struct goevd_http_request *r)
{
    struct sockaddr_storage address = {.ss_family = AF_UNSPEC};

    if (!t->client) {
        goevd_http_client_address(r, &address);
        t->client = dl_clients_take(&t->shared->clients, &address);
    }
    return t->client;
}

static struct dl_pace_bucket *
dl_throttle_join(struct dl_pace_bucket *bucket)
{
    atomic_fetch_add_explicit(&bucket->users, 1, memory_order_relaxed);
    return bucket;
}

/* Collect the current limits. Returns their number. client_rate requires t->client. */
static unsigned
dl_throttle_limits(struct dl_throttle *t, const struct dl_options *o, struct dl_pace_limit *ret)
{
    unsigned count = 0;

    if (o->rate != 0)
        ret[count++] = (struct dl_pace_limit){&t->own, o->rate};
    if (o->client_rate != 0) {
        struct dl_client *client = t->client;

        if (!t->paced)
            t->paced = dl_throttle_join(&client->bucket);
        atomic_store_explicit(&client->burst_ns, SECOND + o->burst * SECOND / o->client_rate,
                              memory_order_relaxed);
        ret[count++] = (struct dl_pace_limit){t->paced, o->client_rate};
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

static bool
dl_throttle_finds_rate(const struct dl_options *o)
{
    return (o->rate | o->client_rate | o->route_rate) != 0;
}

bool
dl_throttle_has_rate(const struct dl_throttle *t, const struct goevd_http_request *r)
{
    return dl_throttle_finds_rate(goevd_options(t->self, goevd_http_poller(r)));
}

int
dl_throttle_ask(struct dl_throttle *t, struct goevd_http_request *r, uint64_t left)
{
    const struct dl_options *o = goevd_options(t->self, goevd_http_poller(r));
    struct dl_pace_limit limits[3];
    int64_t now_ns;

    if (t->granted == 0 && !dl_throttle_finds_rate(o))
        return left < DL_PACE_SLICE_MAX ? (int)left : DL_PACE_SLICE_MAX;
    if (o->client_rate != 0 && !dl_throttle_client(t, r))
        return -ENOMEM;
    now_ns = (int64_t)goevd_now();
    if (t->granted == 0)
        t->granted = dl_pace_take(limits, dl_throttle_limits(t, o, limits), o->burst, left, now_ns,
                                  &t->due_ns);
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

int
dl_throttle_enter(struct dl_throttle *t, const struct goevd_http_request *r)
{
    const struct dl_options *o = goevd_options(t->self, goevd_http_poller(r));

    if (o->client_max == 0 || t->entered)
        return 0;
    if (!dl_throttle_client(t, r))
        return -ENOMEM;
    if (t->client->family == AF_UNSPEC)
        return 0;
    if (atomic_fetch_add_explicit(&t->client->downloads, 1, memory_order_relaxed) >=
        (uint64_t)o->client_max) {
        atomic_fetch_sub_explicit(&t->client->downloads, 1, memory_order_relaxed);
        return -EUSERS;
    }
    t->entered = true;
    return 0;
}

void
dl_throttle_fini(struct dl_throttle *t)
{
    dl_throttle_leave(t->paced);
    dl_throttle_leave(t->route);
    if (t->entered)
        atomic_fetch_sub_explicit(&t->client->downloads, 1, memory_order_relaxed);
    if (t->client)
        dl_clients_leave(&t->shared->clients, t->client, (int64_t)goevd_now());
}
