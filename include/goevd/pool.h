/* goevd/pool.h - connect pools: connections to one address that are kept ready.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef GOEVD_POOL_H
#define GOEVD_POOL_H

#include <goevd/connect.h>

#ifdef __cplusplus
extern "C" {
#endif

struct goevd_pool; /* connections to one address that are kept ready */

/* A connect pool; zeroed except version, `to` and the needed fields. goevd copies all of it. */
struct goevd_pool_config {
    struct goevd_version version;
    const char *to;              /* as in struct goevd_connect_request */
    const char *from;            /* likewise */
    uint64_t connect_timeout_ns; /* 0: connectors.timeout of the configuration */
    unsigned idle_min;           /* idle connections that are kept, 0 to connections_max */
    unsigned connections_max;    /* idle, in use and connecting, 1 to 65536; 0: 64 */
    unsigned growth;             /* made at once when one is missing, 1 to connections_max; 0: 1 */
    unsigned waiting_max;        /* requests that may wait; 0: 1024 */
    uint64_t idle_timeout_ns;    /* close idle ones above idle_min after it; 0: never */
    uint64_t check_interval_ns;  /* between checks of an idle one; 0: no checks */
    uint64_t check_timeout_ns;   /* 0: 1 s */
    const void *check;           /* bytes that a check sends, */
    size_t check_len;            /* 1 to 4096, */
    const void *check_reply;     /* and the bytes that must come back, */
    size_t check_reply_len;      /* 1 to 4096 */
};

/* A request for a connection; zeroed except version and the fields that are needed. */
struct goevd_acquire_request {
    struct goevd_version version;
    const struct goevd_stream *stream; /* as in struct goevd_connect_request */
    const void *state;
    size_t state_len;
    uint64_t timeout_ns; /* time to wait; 0: as long as connecting may take */
};

/* The state of a pool a moment ago. */
struct goevd_pool_state {
    struct goevd_version version; /* set by the caller */
    uint64_t idle;                /* connections that are ready */
    uint64_t live;                /* idle, in use and connecting */
    uint64_t waiting;             /* requests that wait */
    uint64_t acquired;            /* requests that got a connection, in total */
    uint64_t failed;              /* requests that got none, in total */
    uint64_t dead;                /* idle connections that were found dead, in total */
};

/* The functions below, in the table that goevd_host->pool points to. */
struct goevd_host_pool {
    struct goevd_version version;

    int (*pool_new)(struct goevd_self *self, const struct goevd_pool_config *config,
                    struct goevd_pool **ret_pool);
    int (*pool_acquire)(struct goevd_pool *pool, struct goevd_poller *poller,
                        const struct goevd_acquire_request *request);
    int (*pool_release)(struct goevd_conn *c);
    int (*pool_reject)(struct goevd_conn *c);
    void (*pool_get_state)(struct goevd_pool *pool, struct goevd_pool_state *ret);
};

/* Make a pool of connections to one address. The first connections are made when the pollers start.
 * goevd frees the pool after destroy has returned.
 *
 * Thread   [main] in create.
 * Returns  0; -EINVAL for a wrong address, or for numbers outside of the ranges of the struct;
 *          -ENOMEM.
 */
static inline int
goevd_pool_new(struct goevd_self *self, const struct goevd_pool_config *config,
               struct goevd_pool **ret_pool)
{
    return goevd_host->pool->pool_new(self, config, ret_pool);
}

/* Ask for a connection of a pool. Exactly one callback follows, later: the handler's on_open on
 * this poller, or its on_connect_fail: -ETIMEDOUT, -EAGAIN if waiting_max requests wait, -ECANCELED
 * if goevd stops, or the error of connecting. The oldest request is served first, whatever its
 * poller. A failed attempt to connect fails one request, or all if the pool has no connection.
 *
 * The connection may have been in use before, and keeps the state of its protocol, such as a
 * selected database. A handler that does not know this state closes the connection instead of
 * releasing it.
 *
 * Thread   [poller]
 * Returns  0; -EINVAL for a wrong stream or too much state; -ENOMEM. After an error no callback
 *          follows.
 * Calls    no handler before it returns.
 */
static inline int
goevd_pool_acquire(struct goevd_pool *pool, struct goevd_poller *poller,
                   const struct goevd_acquire_request *request)
{
    return goevd_host->pool->pool_acquire(pool, poller, request);
}

/* Return a connection to its pool: on_close(GOEVD_REASON_RELEASED) follows, as after
 * goevd_conn_close(). If unconsumed bytes have come, it is closed instead. A connection that ends
 * in another way leaves the pool, which makes a new one.
 *
 * Thread   [poller]
 * Returns  0; -EINVAL if c is not of a pool; -EBUSY while output is queued; -EPIPE once c is
 *          closing.
 * Calls    no handler before it returns.
 */
static inline int
goevd_pool_release(struct goevd_conn *c)
{
    return goevd_host->pool->pool_release(c);
}

/* Close a connection because its server cannot serve: it refuses the password, or has become a
 * replica. on_close(GOEVD_REASON_HANDLER) follows, as after goevd_conn_close(). The pool waits
 * before it connects again, from 0.1 s to 5 s with each failure in a row, and looks the name up
 * anew. A connection that the peer ends before it has sent a byte counts as rejected.
 *
 * Thread   [poller]
 * Returns  0; -EINVAL if c is not of a pool; -EPIPE once c is closing.
 * Calls    no handler before it returns.
 */
static inline int
goevd_pool_reject(struct goevd_conn *c)
{
    return goevd_host->pool->pool_reject(c);
}

/* The state of a pool.
 *
 * ret      its version set to GOEVD_VERSION_OF(struct goevd_pool_state); goevd fills the rest.
 * Thread   [any]
 */
static inline void
goevd_pool_get_state(struct goevd_pool *pool, struct goevd_pool_state *ret)
{
    goevd_host->pool->pool_get_state(pool, ret);
}

/* The layout on 64-bit machines. */
#if UINTPTR_MAX == UINT64_MAX
GOEVD_STATIC_ASSERT(sizeof(struct goevd_pool_config) == 104, "goevd_pool_config has moved");
GOEVD_STATIC_ASSERT(sizeof(struct goevd_acquire_request) == 40, "goevd_acquire_request has moved");
GOEVD_STATIC_ASSERT(sizeof(struct goevd_pool_state) == 56, "goevd_pool_state has moved");
#endif

#ifdef __cplusplus
}
#endif

#endif
