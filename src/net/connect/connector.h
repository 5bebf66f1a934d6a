/* A connector: one attempt to connect, from an address as people write it to a connected socket.
 *
 * A name is looked up on the work pool, and its addresses are tried in turn, each for its share of
 * the time that is left. Everything else happens on one poller. */
#pragma once

#include "net/address.h"
#include "net/conn/net.h"
#include "net/connect/names.h"

/* Settings that all outgoing sockets share. */
struct connector_config {
    struct names *names;
    uint64_t timeout_ns;      /* where an attempt names none */
    int receive_buffer_bytes; /* 0: the kernel's */
    int send_buffer_bytes;    /* 0: the kernel's */
    unsigned keepalive_s;     /* idle time before the first probe; 0: off, tcp(7) */
    bool nodelay;
};

/* One setsockopt(2), before connecting. */
struct connector_option {
    int level, name;
    const void *value;
    socklen_t len;
};

struct connector;

/* fd: connected, non-blocking, and no longer the connector's; or a negative errno. Called once,
 * never from within connector_start(); the connector may be freed. */
typedef void (*connector_fn)(struct connector *k, int fd);

/* Embedded in its owner; zeroed except for fields that the owner sets. */
struct connector {
    const struct connector_config *config;
    const struct connector_option *options;
    unsigned option_count;
    struct address from; /* len 0: as the kernel likes */
    uint64_t timeout_ns; /* 0: that of the configuration */
    bool fresh;          /* a name is looked up, whatever was learnt before */
    connector_fn fn;

    struct watch watch;  /* its id names the attempt */
    struct address peer; /* tried now, or connected to */

    struct timer timer;
    struct poller *poller;
    struct names_query *query;
    const struct address *addresses;
    unsigned count, next;
    uint64_t deadline_ns;
    int error;       /* of the address tried last */
    bool decided;    /* `error` goes to fn when the timer is due */
    bool backlogged; /* a unix socket's queue is full: tried again soon */
};

/* [poller p] Begin. 0; -EINVAL for an invalid address, with the reason; -ENOMEM; -EAGAIN if the
 * work pool's queue is full; -ECANCELED once the net has closed. */
int connector_start(struct connector *k, struct poller *p, const char *to, struct err *reterr);

/* [poller] End it with this error, which fn gets soon. Nothing if it has ended already. */
void connector_cancel(struct connector *k, int error);

/* [poller] goevd stops: end all attempts of this poller with -ECANCELED, at once. No other can
 * begin. */
void connector_close_all(struct net *net);

/* [poller] End it without a call of fn; nothing if it has ended. */
void connector_fini(struct connector *k);

/* The attempt with that id on this poller, or NULL. */
struct connector *connector_find(struct poller *p, uint64_t id);
