/* How fast a download goes: the options of now, and with whom it shares them. */
#pragma once

#include <goevd/http.h>

#include "download/pace.h"

#define THROTTLE_CLIENTS 65536 /* a power of two */

/* What downloads share, on all pollers. */
struct throttle_shared {
    uint64_t key; /* of the places, for nobody shall choose whose rate he shares */
    struct pace_bucket route;
    struct pace_bucket clients[THROTTLE_CLIENTS]; /* by the hash of their address */
};

/* Of one download; zeroed at first. */
struct throttle {
    struct pace_bucket own;
    struct pace_bucket *client, *route; /* those it counts as a user of; NULL: not yet */
    uint64_t granted;                   /* bytes that it has taken and not written; 0: none */
    int64_t due_ns;                     /* when it may write them */
};

/* Ask for bytes to write. One that asks again before throttle_spend() gets the same.
 *
 * left     from 1 on, the same until throttle_spend().
 * Returns  how many; 0: none yet, on_timeout will come; as goevd_http_timer().
 */
int throttle_ask(struct throttle *t, struct goevd_http_request *r, uint64_t left);

/* They were written. */
void throttle_spend(struct throttle *t);

/* A zeroed one is fine. */
void throttle_fini(struct throttle *t);
