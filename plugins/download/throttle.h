/* How fast a download goes: the options of now, and with whom it shares them. */
#pragma once

#include <goevd/http.h>

#include "download/bytes/clients.h"

/* What downloads share, on all pollers. */
struct dl_throttle_shared {
    struct dl_pace_bucket route;
    struct dl_clients clients;
};

/* Of one download. */
struct dl_throttle {
    struct goevd_self *self; /* whose options hold */
    struct dl_throttle_shared *shared;
    struct dl_pace_bucket own;
    struct dl_client *client;             /* NULL: not looked up yet */
    struct dl_pace_bucket *paced, *route; /* the client's and the route's, once it is a user */
    bool entered;                         /* it counts among the downloads of its client */
    uint64_t granted;                     /* bytes that it has taken and not written; 0: none */
    int64_t due_ns;                       /* when it may write them */
};

/* Begin, without a rate taken yet. */
void dl_throttle_init(struct dl_throttle *t, struct goevd_self *self,
                      struct dl_throttle_shared *shared);

/* Whether there is a rate now. */
bool dl_throttle_has_rate(const struct dl_throttle *t, const struct goevd_http_request *r);

/* Ask for bytes to write. One that asks again before dl_throttle_spend() gets the same.
 *
 * left     from 1 on, the same until dl_throttle_spend().
 * Returns  how many; 0: none yet, on_timeout will come; as goevd_http_timer().
 */
int dl_throttle_ask(struct dl_throttle *t, struct goevd_http_request *r, uint64_t left);

/* They were written. */
void dl_throttle_spend(struct dl_throttle *t);

/* Count it among the downloads of its client, up to client_max. Clients without an address have no
 * limit: they are proxies. 0, also if it counts already; -EUSERS: they are as many; -ENOMEM. */
int dl_throttle_enter(struct dl_throttle *t, const struct goevd_http_request *r);

/* A zeroed one is fine. */
void dl_throttle_fini(struct dl_throttle *t);
