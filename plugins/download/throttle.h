/* The rate of a download: current options, and the buckets that it shares with other downloads. */
#pragma once

#include <goevd/http.h>

#include "download/bytes/clients.h"

/* Shared by all downloads of an instance, on all pollers. */
struct dl_throttle_shared {
    struct dl_pace_bucket route;
    struct dl_clients clients;
};

/* State of one download. */
struct dl_throttle {
    struct goevd_self *self; /* instance whose options apply */
    struct dl_throttle_shared *shared;
    struct dl_pace_bucket own;
    struct dl_client *client;             /* NULL: not looked up yet */
    struct dl_pace_bucket *paced, *route; /* buckets of client and route, once the download is one
                                           * of their users */
    bool entered;                         /* counts among the downloads of its client */
    uint64_t granted;                     /* bytes granted but not written; 0: none */
    int64_t due_ns;                       /* time at which they may be written */
};

/* Begin; no rate is taken yet. */
void dl_throttle_init(struct dl_throttle *t, struct goevd_self *self,
                      struct dl_throttle_shared *shared);

/* Whether any rate applies now. */
bool dl_throttle_has_rate(const struct dl_throttle *t, const struct goevd_http_request *r);

/* Ask for bytes to write. A repeated call before dl_throttle_spend() returns the same bytes.
 *
 * left     At least 1, and the same until dl_throttle_spend().
 * Returns  Bytes granted; 0: none yet, on_timeout will follow; errors of goevd_http_timer().
 */
int dl_throttle_ask(struct dl_throttle *t, struct goevd_http_request *r, uint64_t left);

/* The granted bytes were written. */
void dl_throttle_spend(struct dl_throttle *t);

/* Count the download for its client, up to client_max. Clients without an address have no limit,
 * because they are proxies. 0, also if it is counted already; -EUSERS: the limit is reached;
 * -ENOMEM. */
int dl_throttle_enter(struct dl_throttle *t, const struct goevd_http_request *r);

/* Accepts a zeroed struct. */
void dl_throttle_fini(struct dl_throttle *t);
