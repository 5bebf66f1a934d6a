/* Prerendered replies: head with Date, and body, rendered once per poller and then only copied.
 * A reply is rendered when it is first used, and its Date is rewritten at the first use after
 * the date has changed. Unused replies cost nothing. HEAD gets the first head_len bytes of GET's
 * reply. */
#pragma once

#include <goevd/plugin.h>

#include "http/h1/format/head.h"
#include "http/route/routes.h"

/* Longer bodies are sent by reference instead of being copied behind the head. */
#define HTTP_PRERENDERED_BODY_MAX 8192

struct http_prerendered {
    char *data;
    uint32_t len;
    uint32_t head_len;
    uint32_t tick;     /* tick of the set when Date was written; 0: the reply is not rendered */
    uint32_t count_at; /* place of the series that the reply counts in */
    uint16_t date_at;
    bool apart;    /* data has no body */
    bool measured; /* the route has a histogram of durations */
    bool special;  /* one of these */
};

/* The set of one poller. */
struct http_prerendered_set {
    const struct http_routes *routes;
    struct http_span server;
    struct http_prerendered *all; /* HTTP_PERSIST_COUNT versions of each reply */
    uint32_t tick;                /* number of the current date; never 0 */
    bool used;                    /* a reply was sent since the last tick */
    bool asleep;                  /* date is out of date, and the timer is not armed */
    char date[HTTP_DATE_LEN];
    void (*ticked)(void *arg); /* called when the date has changed; NULL: no call */
    void *ticked_arg;
    struct goevd_timer *timer;
};

/* Returns 0 or -ENOMEM. */
int http_prerendered_set_init(struct http_prerendered_set *set, struct goevd_poller *poller,
                              const struct http_routes *routes, struct http_span server);
void http_prerendered_set_fini(struct http_prerendered_set *set);

/* Call before `date` is used: updates it if the timer sleeps. 0 or -ENOMEM. */
int http_prerendered_wake(struct http_prerendered_set *set);

/* Render a reply, or update its Date. NULL: out of memory. */
const struct http_prerendered *http_prerendered_refresh(struct http_prerendered_set *set,
                                                        unsigned reply, enum http_persist persist);

/* The bytes of reply number `reply`. NULL: out of memory. */
static inline const struct http_prerendered *
http_prerendered_get(struct http_prerendered_set *set, unsigned reply, enum http_persist persist)
{
    const struct http_prerendered *k = &set->all[reply * HTTP_PERSIST_COUNT + persist];

    return likely(k->tick == set->tick) ? k : http_prerendered_refresh(set, reply, persist);
}
