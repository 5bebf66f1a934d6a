/* The clients that download now, or have lately downloaded at a rate. A client is an IPv4 address,
 * or the first 64 bits of an IPv6 address, because one client usually owns all of these. All
 * clients without an address are one. Each client is found by its address, so no two share a rate.
 * Any thread may call these functions. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "download/bytes/pace.h"

#define DL_CLIENTS_STRIPES 64
#define DL_CLIENTS_LISTS 256 /* lists per stripe */
#define DL_CLIENTS_IDLE 1024 /* idle clients that a stripe keeps */

struct dl_client {
    struct dl_client *next;          /* next in its list */
    struct dl_client *newer, *older; /* neighbors among the idle clients of its stripe */
    uint64_t prefix;                 /* the address, or its prefix */
    sa_family_t family;              /* AF_UNSPEC: no address */
    unsigned users;                  /* references of downloads, protected by the lock of the
                                      * stripe */
    _Atomic unsigned downloads;      /* downloads in progress */
    _Atomic int64_t burst_ns;        /* time in which `bucket` becomes full again */
    struct dl_pace_bucket bucket;
};

struct dl_clients_stripe {
    _Alignas(64) pthread_mutex_t lock;
    struct dl_client *newest, *oldest; /* list of idle clients */
    size_t idle;
    struct dl_client *lists[DL_CLIENTS_LISTS];
};

struct dl_clients {
    uint64_t key; /* secret of the hash, so that clients cannot choose colliding addresses */
    struct dl_clients_stripe stripes[DL_CLIENTS_STRIPES];
};

/* `clients` is zeroed. */
void dl_clients_init(struct dl_clients *clients, uint64_t key);

/* All clients must be unused. */
void dl_clients_fini(struct dl_clients *clients);

/* Take a reference to the client of an address, until dl_clients_leave(). NULL: out of memory. */
struct dl_client *dl_clients_take(struct dl_clients *clients,
                                  const struct sockaddr_storage *address);

/* NULL does nothing. */
void dl_clients_leave(struct dl_clients *clients, struct dl_client *client, int64_t now_ns);
