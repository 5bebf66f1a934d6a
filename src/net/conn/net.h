/* The net layer of a poller: its buffers, its connections with work left, its metrics. */
#pragma once

#include <goevd/plugin.h>

#include "ev/reactor.h"
#include "ev/slab.h"
#include "ev/timer_table.h"
#include "net/bytes/pipes.h"

struct balance;
struct conn;
struct conn_limits;
struct service;
struct work_pool;

enum net_refused {
    NET_REFUSED_LIMIT,   /* connections_max of the listener */
    NET_REFUSED_CLIENT,  /* connections_per_client_max */
    NET_REFUSED_FDS,     /* EMFILE, ENFILE: counted once for each pause */
    NET_REFUSED_MEMORY,  /* ENOMEM, ENOBUFS */
    NET_REFUSED_ERROR,   /* any other error of accept4(2) for a connection */
    NET_REFUSED_NETWORK, /* from a refused network, proxy_policy.refuse_others */
    NET_REFUSED_HANDLER, /* its on_accept does not want it */
    NET_REFUSED_COUNT
};

/* Results of reading headers of the PROXY protocol. */
enum net_proxy {
    NET_PROXY_READ,
    NET_PROXY_MALFORMED,
    NET_PROXY_TIMEOUT,
    NET_PROXY_CLOSED, /* the connection ended before its header did */
    NET_PROXY_COUNT
};

/* Results of TLS handshakes; and the one way in which a connection may end that is worth counting. */
enum net_tls {
    NET_TLS_FULL,
    NET_TLS_RESUMED,
    NET_TLS_VERSION,     /* no common version */
    NET_TLS_CIPHER,      /* no common cipher, group or signature algorithm */
    NET_TLS_ALPN,        /* no common protocol */
    NET_TLS_NAME,        /* no certificate has the name, and strict_sni is set */
    NET_TLS_CERTIFICATE, /* the client refused the certificate */
    NET_TLS_CLIENT,      /* the client has no certificate, or not a good one */
    NET_TLS_PROTOCOL,    /* the client broke the protocol */
    NET_TLS_CLEAR,       /* the client sent HTTP without TLS */
    NET_TLS_TIMEOUT,
    NET_TLS_CLOSED, /* the connection ended before the handshake did */
    NET_TLS_CUT,    /* not of a handshake: the input ended without close_notify */
    NET_TLS_COUNT
};

enum net_connect_failed {
    NET_CONNECT_REFUSED,    /* ECONNREFUSED */
    NET_CONNECT_TIMEOUT,    /* ETIMEDOUT, or its own deadline */
    NET_CONNECT_UNRESOLVED, /* the name has no address */
    NET_CONNECT_CANCELED,   /* by the caller, or because goevd stops */
    NET_CONNECT_ERROR,      /* anything else */
    NET_CONNECT_FAILED_COUNT
};

struct net_metrics {
    metric handed_over; /* accepted here, given to another poller */
    metric refused[NET_REFUSED_COUNT];
    metric proxy[NET_PROXY_COUNT];
    metric tls[NET_TLS_COUNT];
    metric opened;
    metric closed[GOEVD_REASON_COUNT];
    metric connects; /* outgoing, begun */
    metric connected;
    metric connect_failed[NET_CONNECT_FAILED_COUNT];
    metric bytes_in;
    metric bytes_out;
    metric sends_done;    /* asynchronous sends that were written */
    metric sends_dropped; /* ... or not */
    metric disk_reads;    /* of files, by the work pool */
    metric disk_bytes;    /* ... and their bytes */
    metric disk_refused;  /* by the work pool, to be tried again */
};

struct net {
    struct poller *poller;
    struct conn *entered; /* whose callback is running */
    char *write_buffer;   /* output of that callback */
    size_t write_len;
    size_t write_room; /* bytes of write_buffer */
    char *read_buffer;
    size_t read_room;              /* bytes of read_buffer */
    size_t read_max;               /* bytes of one read */
    struct conn *work, **work_end; /* connections with work left */
    struct task task;
    struct task stop_task;      /* while on_stop of connections runs, ... */
    uint32_t stop_cursor;       /* ... from this slot on */
    struct service *upgrade_to; /* where the entered connection goes after its callback, */
    const void *upgrade_state;  /* ... and the beginning of its state there */
    size_t upgrade_len;
    size_t conns;
    bool stopping;               /* on_stop of connections that open runs, too */
    bool closed;                 /* nothing opens any more */
    void (*on_empty)(void *arg); /* the last connection is gone */
    void *on_empty_arg;
    void *tls;                   /* what its connections share, of net/tls; NULL until needed */
    void (*tls_free)(void *tls);
    struct balance *balance;     /* of new connections; NULL until this poller accepts any */
    struct timer_table timers;   /* of handlers */
    struct slab timer_slab;      /* their memory */
    struct net_metrics *metrics; /* its own, or where other processes read them */
    struct net_metrics own_metrics;
    metric queued;                      /* output, bytes of memory */
    struct service *services;           /* all of this poller */
    const struct conn_limits *outgoing; /* of connections that are opened here */
    struct pipes pipes;                 /* between connections that splice(2) joins */
    struct work_pool *readers;          /* of files that are not in memory; NULL: there are none */
    /* the callback that runs has returned an invalid value; or NULL */
    void (*on_wrong_result)(int64_t result, const char *may);
};

/* Give the poller its net; on its thread. tail_max is the largest of all its listeners. */
int net_new(struct poller *p, size_t tail_max, struct err *reterr);
void net_free(struct poller *p);

static inline struct net *
net_of(struct poller *p)
{
    return p->net;
}

/* Call on_stop of every connection, those that open later too. When none is left, on_empty is
 * called on the poller's thread, once; before this returns if there is none. */
void net_stop(struct net *net, void (*on_empty)(void *arg), void *arg);

/* [net] A connection has ended. */
void net_conn_gone(struct net *net);

/* Close every connection at once; nothing opens any more. */
void net_close_all(struct net *net);

/* The same for all pollers of a reactor, a step at a time, between which they turn. Not from a
 * poller. */
void net_close_reactor(struct reactor *r);

#define NET_WALK_SLOTS 256 /* for one step of a walk, between which the poller serves */

/* Call fn for each connection among the next `slots` slots, from *cursor on, which begins at 0.
 * Returns false after the last one. Connections that open or close meanwhile may be missed. */
typedef void (*net_walk_fn)(struct conn *c, void *arg);
bool net_walk(struct net *net, uint32_t *cursor, uint32_t slots, net_walk_fn fn, void *arg);

/* Walk over the connections of all pollers of a reactor, a step at a time. Not from a poller. */
void net_walk_all(struct reactor *r, net_walk_fn fn, void *arg);

/* Send to, or close, a connection of any poller, by id [any thread].
 * sent     called once on a poller thread if 0 was returned, and not otherwise; or NULL.
 * -EAGAIN: the poller's mailbox is full. -ECANCELED: it has ended. -ENOMEM. -EINVAL: no such
 * poller. */
typedef void (*net_sent_fn)(void *arg, uint64_t id, uint64_t cookie, int result);
int net_send(uint64_t id, const void *data, size_t len, uint64_t cookie, net_sent_fn sent,
             void *arg);
int net_send_frame(uint64_t id, const void *data, size_t len, uint64_t cookie, net_sent_fn sent,
                   void *arg);
int net_close(uint64_t id, unsigned flags);

#define NET_TICK_SHIFT 23

/* A coarse clock that fits 32 bits: 8.4 ms, wrapping in 417 days, which no idle time-out reaches.
 */
static inline uint32_t
net_tick(const struct net *net)
{
    return (uint32_t)(net->poller->now_ns >> NET_TICK_SHIFT);
}

/* How long ago that tick ended: a time-out that is counted by it never comes early. */
static inline uint64_t
net_since_tick_ns(const struct net *net, uint32_t tick)
{
    uint64_t begun_ns = net->poller->now_ns & ((1 << NET_TICK_SHIFT) - 1);
    uint32_t ticks = net_tick(net) - tick;

    return ticks ? ((uint64_t)(ticks - 1) << NET_TICK_SHIFT) + begun_ns : 0;
}
