/* A listener: an address, the pollers that accept there, and the reactor that serves.
 *
 *   listener.c  its life: accepting, limits, serving, closing
 *   admission.c how many connections it may have, and pollers that wait for an end
 *   balance.c   which poller serves a new connection
 *   listen.c    opening its sockets
 */
#pragma once

#include <stdatomic.h>

#include "ev/reactor.h"
#include "net/accept/admission.h"
#include "net/address.h"
#include "net/conn/net.h"
#include "net/conn/service.h"

enum listener_mode {
    LISTENER_REUSEPORT, /* every serving poller accepts from its own socket, or from a shared one */
    LISTENER_ACCEPTOR,  /* one poller accepts, and hands each connection to the least loaded */
};

/* The handling of a connection beyond the limit. */
enum listener_over_limit {
    LISTENER_CLOSE, /* it is closed */
    LISTENER_WAIT,  /* it waits in the kernel's queue */
};

struct listener;
struct tls_server;

/* Limits that may change while it listens. */
struct listener_limits {
    struct conn_limits conn; /* tail_max may not */
    unsigned connections_max;
    enum listener_over_limit over_limit;
    unsigned imbalance_percent; /* how far above the least loaded a poller may stand */
};

struct listener_config {
    const char *name;
    enum listener_mode mode;
    struct reactor *serve;
    struct reactor *accept;          /* `serve` in reuseport mode */
    struct reactor *const *reactors; /* that stream->on_accept may choose from, by number from 1 */
    unsigned reactor_count;
    const struct goevd_stream *stream;
    const struct transport *transport;
    void *instance;
    const struct place_owner *owner;  /* of the handler */
    struct listener_limits limits;    /* at the beginning */
    unsigned client_max;              /* connections of one client; 0: any number */
    bool steer;                       /* by CPU, where each poller is pinned to one */
    const struct proxy_policy *proxy; /* with prologue_proxied */
    const struct tls_server *tls;     /* with transport_tls */

    /* Accepting pauses because of this errno, or goes on (0). Once an episode, on an accepting
     * poller. Or NULL. */
    void (*on_pause)(struct listener *l, int error, void *arg);
    void *on_pause_arg;
};

struct acceptor;

struct listener {
    struct listener_config config;
    struct address address; /* as bound */
    int *fds;
    unsigned fd_count;
    bool shared;  /* one socket for all pollers: it cannot be multiplied */
    bool steered; /* a connection comes to the poller whose CPU has received it */
    struct acceptor *acceptors;
    unsigned acceptor_count;
    struct tally *clients;                 /* with client_max */
    struct service *services[POLLERS_MAX]; /* by index of the serving poller */

    /* Any poller reads them, and only listener_limit() changes them. */
    atomic_uint over_limit;
    atomic_uint imbalance_percent;
    struct conn_limits conn_limits[2]; /* of which one is in use, */
    unsigned conn_limits_at;           /* this one */

    struct admission admission; /* by connections_max */
};

/* The CPUs by which its sockets are to be steered, one for each poller that accepts; their number,
 * or 0: they are not. cpus[] has POLLERS_MAX. */
unsigned listener_steer_cpus(const struct listener_config *config, uint16_t *cpus);

/* Takes the listening sockets over. */
int listener_new(const struct listener_config *config, const struct address *bound, const int *fds,
                 unsigned count, struct listener **ret, struct err *reterr);

/* When no poller runs any more and every net is gone; closes the sockets; NULL does nothing. */
void listener_free(struct listener *l);

/* From now on within these limits, for connections that are open too. Not from a poller, and by one
 * thread alone. */
void listener_limit(struct listener *l, const struct listener_limits *limits);

/* Could a poller of that reactor have to serve? */
bool listener_may_serve(const struct listener *l, const struct reactor *r);

/* [poller that may have to serve] It can serve from now on; `local` is the result of poller_start.
 */
int listener_serve(struct listener *l, struct poller *p, void *local);

/* Let its sockets listen that were bound beside others. Before listener_accept(), by one thread:
 * the kernel counts them in the order in which they begin. */
int listener_listen(const struct listener *l, int backlog, struct err *reterr);

/* [poller of config.accept] Accept connections from this poller's sockets. */
int listener_accept(struct listener *l, struct poller *p, struct err *reterr);

/* [poller of config.accept] Accept no more. */
void listener_close(struct listener *l, struct poller *p);

/* [poller p] Serve an accepted fd, which counts in p's load already. */
void listener_open_conn(struct listener *l, struct poller *p, int fd, const struct sockaddr *peer);

/* [poller p] A connection that was accepted and counted will not be served. */
void listener_refuse(struct listener *l, struct poller *p, const struct sockaddr *peer,
                     enum net_refused why);
