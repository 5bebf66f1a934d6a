/* Replies that only need copying: head with Date, and body, rendered once for each poller.
 *
 * A reply is rendered when it is first wanted, and its Date is overwritten when it is first wanted
 * after the date has changed; those that nobody asks for cost nothing. HEAD gets the first head_len
 * bytes of what GET gets. */
#pragma once

#include <goevd/plugin.h>

#include "http/h1/format/head.h"
#include "http/route/routes.h"

/* Longer bodies are not copied behind the head but handed over by reference. */
#define HTTP_PRERENDERED_BODY_MAX 8192

struct http_prerendered {
    char *data;
    uint32_t len;
    uint32_t head_len;
    uint32_t tick; /* of the set when its Date was written; 0: not rendered */
    uint16_t date_at;
    bool apart; /* the body is not in data */
};

/* One poller's. */
struct http_prerendered_set {
    const struct http_routes *routes;
    struct http_span server;
    struct http_prerendered *all; /* HTTP_PERSIST_COUNT for each reply */
    uint32_t tick;                /* counts dates; never 0 */
    bool used;                    /* since the last tick */
    bool asleep;                  /* date is old and the timer is not armed */
    char date[HTTP_DATE_LEN];
    void (*ticked)(void *arg); /* called when there is another date; NULL: not */
    void *ticked_arg;
    struct goevd_timer *timer;
};

/* Returns 0 or -ENOMEM. */
int http_prerendered_set_init(struct http_prerendered_set *set, struct goevd_poller *poller,
                              const struct http_routes *routes, struct http_span server);
void http_prerendered_set_fini(struct http_prerendered_set *set);

/* Before `date` is used: let it be that of this second. 0 or -ENOMEM. */
int http_prerendered_wake(struct http_prerendered_set *set);

/* Bring one up to date; NULL without memory. */
const struct http_prerendered *http_prerendered_refresh(struct http_prerendered_set *set,
                                                        unsigned reply, enum http_persist persist);

/* The bytes of reply number `reply`; NULL without memory. */
static inline const struct http_prerendered *
http_prerendered_get(struct http_prerendered_set *set, unsigned reply, enum http_persist persist)
{
    const struct http_prerendered *k = &set->all[reply * HTTP_PERSIST_COUNT + persist];

    return likely(k->tick == set->tick) ? k : http_prerendered_refresh(set, reply, persist);
}
