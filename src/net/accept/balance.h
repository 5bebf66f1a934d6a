/* Which poller serves a new connection.
 *
 * The poller that accepted it, if it can: its CPU has received it, and a connection that is served
 * there costs half. But if all clients' packets come in on one CPU, its poller must not have them
 * all. Whether they do cannot be seen from a count at one moment: a client that opens many
 * connections from two threads begins with one of them. So each poller watches, over short windows,
 * whether the others accept as well. Until that is clear it holds connections above its share for
 * some milliseconds, as long as connections come in. */
#pragma once

#include <netinet/in.h>

#include "ev/reactor.h"
#include "net/conn/net.h"

struct listener;

/* A bare fd on its way to the poller that will own it. */
struct handover {
    struct message message;
    struct handover *next; /* while it is held */
    struct listener *listener;
    uint64_t since_ns;
    int fd;
    struct sockaddr_in6 peer; /* holds an IPv4 one too; of a unix peer only the family */
};

enum balance_verdict {
    BALANCE_UNKNOWN,
    BALANCE_FAIR,      /* the others accept about as much */
    BALANCE_PASSING,   /* the same, and connections go as they come: their count means little */
    BALANCE_ONE_SIDED, /* the others do not */
};

/* The view that one poller has of the reactor that its listeners serve. */
struct balance {
    struct poller *poller;
    const struct reactor *reactor;
    uint64_t window_ns;    /* when the present window began */
    uint64_t mine;         /* connections accepted here in it */
    uint64_t mine_before;  /* ... and in the one before it */
    int load_start;        /* of this poller, when it began */
    uint64_t others_start; /* accepted by the others before it */
    uint64_t others_seen;  /* accepted by the others, when last looked at */
    uint64_t busy_ns;      /* when any poller was last seen to accept */
    enum balance_verdict verdict;
    uint64_t verdict_ns;
    uint64_t random;                   /* of reactor_less_loaded() */
    struct handover *held, **held_end; /* oldest first */
    struct timer timer;                /* while some are held */
};

/* Give the net a balance unless it has one; net_free() frees it. 0; -ENOMEM. */
int balance_begin(struct net *net);

/* A connection has been accepted here, for l, at now_ns, to be served by r; it is counted in no
 * poller's load yet. From now on the fd is the balance's. Another reactor than that of l takes it
 * on its least loaded poller. */
void balance_place(struct balance *b, struct listener *l, const struct reactor *r, int fd,
                   const struct sockaddr_storage *peer, uint64_t now_ns);

/* Serve here whatever is held; NULL holds nothing. */
void balance_settle(struct balance *b);
