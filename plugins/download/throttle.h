/* How fast a download goes: the options of now, and with whom it shares them. */
#pragma once

#include <goevd/http.h>

#include "download/bytes/pace.h"

#define DL_THROTTLE_CLIENTS 65536 /* a power of two */

/* What downloads share, on all pollers. */
struct dl_throttle_shared {
    uint64_t key; /* of the places, for nobody shall choose whose rate he shares */
    struct dl_pace_bucket route;
    struct dl_pace_bucket clients[DL_THROTTLE_CLIENTS]; /* by the hash of their address */
};

/* Of one download. */
struct dl_throttle {
    struct goevd_self *self; /* whose options hold */
    struct dl_throttle_shared *shared;
    struct dl_pace_bucket own;
    struct dl_pace_bucket *client, *route; /* those it counts as a user of; NULL: not yet */
    uint64_t granted;                      /* bytes that it has taken and not written; 0: none */
    int64_t due_ns;                        /* when it may write them */
};

/* Begin, without a rate taken yet. */
void dl_throttle_init(struct dl_throttle *t, struct goevd_self *self,
                      struct dl_throttle_shared *shared);

/* Ask for bytes to write. One that asks again before dl_throttle_spend() gets the same.
 *
 * left     from 1 on, the same until dl_throttle_spend().
 * Returns  how many; 0: none yet, on_timeout will come; as goevd_http_timer().
 */
int dl_throttle_ask(struct dl_throttle *t, struct goevd_http_request *r, uint64_t left);

/* They were written. */
void dl_throttle_spend(struct dl_throttle *t);

/* A zeroed one is fine. */
void dl_throttle_fini(struct dl_throttle *t);
