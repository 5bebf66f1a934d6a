/* The service of a listener on a poller: the handler, the transport and the limits that its
 * connections share. */
#pragma once

#include <goevd/plugin.h>

#include "ev/poller.h"
#include "ev/slab.h"
#include "net/conn/transport.h"

struct conn;
struct net;
struct proxy_policy;

struct conn_limits {
    uint64_t idle_timeout_ns;   /* nothing read or written; 0: none */
    uint64_t close_timeout_ns;  /* flushing at close */
    uint64_t linger_timeout_ns; /* waiting for the peer's end after that, while nothing moves */
    uint64_t linger_max_ns;     /* ... and while the peer sends on */
    size_t tail_max;            /* unread bytes that are kept */
    size_t frame_max;           /* bytes of a frame; with head and tail it fits the unread tail */
    size_t output_low;          /* on_drained, reading goes on */
    size_t output_high;         /* reading pauses */
    size_t output_max;          /* writes fail */
    uint64_t output_rate;       /* bytes a second that the peer must take while output waits; 0 */
    uint64_t output_timeout_ns; /* over which that is measured */
};

struct tally;

/* The handler of the connections. */
struct service_handler {
    const struct goevd_stream *stream;
    void *instance;
    void *local; /* of poller_start */
    const struct place_owner *owner;
};

struct service {
    struct net *net;
    const struct goevd_stream *stream;
    ptrdiff_t (*on_read)(struct goevd_conn *c, void *state, const char *data, size_t len,
                         size_t fresh, unsigned flags); /* the handler's, or that of its framing */
    const struct transport *transport;
    const struct conn_limits *limits;
    void *transport_data;                       /* the transport's; of the origin */
    void (*transport_data_free)(void *data);    /* NULL: nothing is to be freed */
    const struct prologue *prologue;  /* NULL: none */
    const struct proxy_policy *proxy; /* with prologue_proxied */
    struct tally *clients;            /* the listener's; NULL: they are not counted */
    unsigned client_max;              /* connections of each */
    void *instance;
    void *local;
    const struct place_owner *owner;
    const char *listener;     /* its name; NULL: its connections were opened from here */
    size_t gather_max;        /* bytes that one callback may gather without a look at the marks */
    struct service *origin;   /* where its connections began: itself, unless it is an upgrade */
    struct slab slab;         /* connections that begin here, with their state beside them */
    struct slab own_states;   /* states of connections that come by upgrade */
    struct service *upgrades; /* services that connections of this one were given to */
    struct service *next;
    struct service *sibling, **sibling_at; /* among all of its net; NULL: that is gone */
    /* a connection has ended before its on_open; or NULL */
    void (*on_unopened)(struct conn *c, enum goevd_reason reason);
    void (*on_gone)(void *arg);            /* a connection has ended; or NULL */
    void *on_gone_arg;
};

/* `limits` and `transport` are kept, not copied. */
int service_new(struct net *net, const struct service_handler *handler,
                const struct transport *transport, const struct conn_limits *limits,
                struct service **ret);

/* Its connections begin with that; before the first of them. */
void service_begin_with(struct service *s, const struct prologue *prologue);

/* Its connections are gone; NULL does nothing. */
void service_free(struct service *s);

/* From now on within these limits, which live longer than it; tail_max is the same. So are those
 * that its connections were given to. */
void service_limit(struct service *s, const struct conn_limits *limits);

/* Its net ends before it. */
void service_leave(struct service *s);

/* The service that connections of `s` go to when they are upgraded to that handler; made when it is
 * first asked for, freed with s. 0; -ENOMEM. */
int service_upgrade(struct service *s, const struct service_handler *handler, struct service **ret);
