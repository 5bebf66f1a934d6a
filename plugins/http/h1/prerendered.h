/* Replies that only need copying: head with Date, and body, rendered once for each poller.
 *
 * A reply is rendered when it is first wanted, and its Date is overwritten when it is first wanted
 * after the date has changed; those that nobody asks for cost nothing. HEAD gets the first head_len
 * bytes of what GET gets. */
#pragma once

#include <goevd/plugin.h>

#include "http/route/reply.h"
#include "http/route/routes.h"

/* Longer bodies are not copied behind the head but handed over by reference. */
#define CANNED_BODY_MAX 8192

struct canned {
    char *data;
    uint32_t len;
    uint32_t head_len;
    uint32_t tick; /* of the set when its Date was written; 0: not rendered */
    uint16_t date_at;
    bool apart; /* the body is not in data */
};

struct heads;

/* One poller's. */
struct canned_set {
    const struct routes *routes;
    struct span server;
    struct canned *all; /* HTTP_PERSIST_COUNT for each reply */
    uint32_t tick;      /* counts dates; never 0 */
    bool used;          /* since the last tick */
    bool asleep;        /* date is old and the timer is not armed */
    char date[HTTP_DATE_LEN];
    struct heads *heads; /* others that have this date; NULL: none */
    struct goevd_timer *timer;
};

/* Returns 0 or -ENOMEM. */
int canned_set_init(struct canned_set *set, struct goevd_poller *poller,
                    const struct routes *routes, struct span server);
void canned_set_fini(struct canned_set *set);

/* Before `date` is used: let it be that of this second. 0 or -ENOMEM. */
int canned_wake(struct canned_set *set);

/* Bring one up to date; NULL without memory. */
const struct canned *canned_refresh(struct canned_set *set, unsigned reply,
                                    enum http_persist persist);

/* The bytes of reply number `reply`; NULL without memory. */
static inline const struct canned *
canned_get(struct canned_set *set, unsigned reply, enum http_persist persist)
{
    const struct canned *k = &set->all[reply * HTTP_PERSIST_COUNT + persist];

    return likely(k->tick == set->tick) ? k : canned_refresh(set, reply, persist);
}
