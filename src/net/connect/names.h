/* Addresses of hosts, looked up on the work pool, and kept for a while.
 *
 * One lookup serves all requests for the same name meanwhile. An answer is used again for
 * `keep_ns`. While a name server does not answer, the last addresses are used, for as long as
 * `stale_ns`. */
#pragma once

#include "ev/work.h"
#include "net/address.h"

#define NAMES_ADDRESSES_MAX 16 /* of one host that are tried */
#define NAMES_HOSTS_MAX 512    /* hosts that are known */

struct names_config {
    struct work_pool *work;
    uint64_t keep_ns;
    uint64_t stale_ns;
};

struct names;

/* NULL without memory. */
struct names *names_new(const struct names_config *config);

/* When no poller runs any more, and the work pool has stopped; NULL does nothing. */
void names_free(struct names *names);

/* A question; belongs to the poller that asks. */
struct names_query;

/* On that poller, never from within names_ask(): how many addresses query->addresses has, or
 * address_look_up()'s error. Not after names_forget(). */
typedef void (*names_fn)(struct names_query *query, int result);

struct names_query {
    struct message message;
    struct timer timer; /* until the last answer is taken */
    struct poller *poller;
    struct names *names;
    struct names_query *next, **prev; /* waiters of the same lookup; prev NULL: it does not wait */
    struct names_host *host;
    names_fn fn; /* NULL: the request was cancelled */
    void *arg;
    int result;
    unsigned port;
    struct address addresses[NAMES_ADDRESSES_MAX];
};

/* [poller p] Ask; `fresh`: no kept answer will do. 0 with *ret; -ENOMEM; an error of
 * work_submit(). */
int names_ask(struct names *names, struct poller *p, const struct address_host *host, bool fresh,
              names_fn fn, void *arg, struct names_query **ret);

/* [poller] Free it, also while it waits; NULL does nothing. */
void names_forget(struct names_query *query);
