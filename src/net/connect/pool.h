/* A connect pool: connections to one address that are kept ready, and lent to callers.
 *
 * All of it happens on one poller, its home. Requests and returns are messages to it, so that the
 * first waiter is served first, on whatever poller it is, without locks. A bare socket is lent; the
 * connection that is made of it belongs to the poller of the caller.
 *
 * A connection of the pool (struct pool_link) is always one of: being made, ready, being checked,
 * lent.
 */
#pragma once

#include "net/conn/transport.h"
#include "net/connect/connector.h"

struct pool;

struct pool_config {
    const struct connector_config *connector;
    const char *to;
    struct address from;         /* len 0: as the kernel likes */
    uint64_t connect_timeout_ns; /* 0: the connector's */
    uint64_t idle_timeout_ns;    /* a ready one more than idle_min is closed after it; 0: never */
    uint64_t check_interval_ns;  /* 0: none */
    uint64_t check_timeout_ns;
    const void *check; /* is sent, */
    size_t check_len;
    const void *reply; /* and this must come back */
    size_t reply_len;
    unsigned idle_min;
    unsigned connections_max;
    unsigned growth; /* made at once when one is missing */
    unsigned waiting_max;

    /* Called on its home when connections begin to fail one after the other: the error of the last
     * one. Or NULL. */
    void (*on_failing)(const struct pool *pool, int error);
    void *arg;
};

/* Its present contents; written by its home, read anywhere. */
struct pool_metrics {
    metric idle, live, waiting;    /* now */
    metric acquired, failed, dead; /* so far: lent; not lent; found dead while they were ready */
};

struct pool_link {
    struct transport_owner owner; /* of the connection that it is lent to */
    struct connector connector;   /* while it is made */
    struct watch watch;           /* while it is ready or checked */
    struct timer timer;           /* likewise */
    struct message message;       /* when it comes back */
    struct pool *pool;
    struct pool_link *next, *prev; /* ready ones, the one that came last first */
    uint64_t idle_ns;              /* ready since */
    size_t replied;                /* bytes of the reply that have come */
    uint64_t made_ns;
    bool checked; /* its check runs */
    bool proven;  /* it has passed a check, or has served a borrower */
    bool useless; /* while it comes back: its borrower could do nothing with it */
    int fd;       /* while it is lent or comes back */
};

struct pool_waiter;

/* On the caller's poller: w->link is lent to it, or NULL with the reason in w->result. */
typedef void (*pool_waiter_fn)(struct pool_waiter *w, struct poller *p);

/* Embedded in its owner; the pool's from pool_acquire() until fn. */
struct pool_waiter {
    struct message message;
    struct poller *poller; /* that asks */
    uint64_t timeout_ns;
    pool_waiter_fn fn;

    struct pool *pool;
    struct timer timer;
    struct pool_waiter *next, *prev; /* the oldest waiter first */
    struct pool_link *link;
    int result;
};

struct pool {
    struct pool_config config;
    struct poller *home;
    bool stopped;
    unsigned live, idle, waiting;
    unsigned pending;               /* made or checked: ready soon, or never */
    struct pool_link *first, *last; /* ready */
    struct pool_link *checks;       /* being checked */
    struct pool_waiter *next_waiter, *last_waiter;
    struct timer retry;
    unsigned failures;  /* in a row: see pool_failed() */
    uint64_t failed_ns; /* the last of them */
    int error;          /* ... and why */
    struct pool_metrics metrics;
};

/* The configuration is copied, with all that it points to except `connector`. 0; -EINVAL for an
 * invalid address, with the reason; -ENOMEM. */
int pool_new(const struct pool_config *config, struct pool **ret, struct err *reterr);

/* When no poller runs any more; NULL does nothing. */
void pool_free(struct pool *pool);

/* [its home] Make the first connections. `home` is set before any poller runs. */
void pool_start(struct pool *pool);

/* [its home] Close ready connections, and refuse waiters and later requests. */
void pool_stop(struct pool *pool);

/* [any poller] Ask; `fn` follows, later: with a link, or with -ETIMEDOUT, -EAGAIN when waiting_max
 * wait already, -ECANCELED, or the error of connecting. */
void pool_acquire(struct pool *pool, struct pool_waiter *w);

/* [any poller] The link could not be used; its socket is closed. */
void pool_link_lost(struct pool_link *link);
