/* goevd/connect.h - outgoing connections, and reactors by name.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef GOEVD_CONNECT_H
#define GOEVD_CONNECT_H

#include <goevd/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

struct goevd_tls; /* goevd/tls.h */

/* One setsockopt(2). */
struct goevd_sockopt {
    int level, name;
    const void *value;
    socklen_t len;
};

/* An attempt to connect; zeroed except version, `to` and the fields that are needed. goevd copies
 * all of it. */
struct goevd_connect_request {
    struct goevd_version version;
    const char *to;   /* host:port, [v6]:port, unix:/path, unix:@name; see goevd_address_check() */
    const char *from; /* source, the same with an address as host; NULL: the kernel's choice */
    uint64_t timeout_ns; /* for the whole attempt; 0: connectors.timeout of the configuration */
    int reactor;         /* that serves, of goevd_reactor_find(); 0: the poller that calls */
    const struct goevd_stream *stream;   /* the handler, static; NULL: this plugin's GOEVD_STREAM */
    const void *state;                   /* the first bytes of the connection's state */
    size_t state_len;                    /* bytes, at most conn_size; the rest is zeroed */
    const struct goevd_sockopt *options; /* set before connecting, after those of connectors */
    size_t option_count;                 /* at most 16 */
    const struct goevd_tls *tls; /* of goevd_tls_new(): on_open follows the handshake; NULL: plain */
};

/* The functions below, in the table that goevd_host->connect points to. */
struct goevd_host_connect {
    struct goevd_version version;

    int (*connect)(struct goevd_self *self, struct goevd_poller *poller,
                   const struct goevd_connect_request *request, uint64_t *ret_id);
    void (*connect_cancel)(struct goevd_poller *poller, uint64_t id);
    int (*address_check)(const char *text, char *ret_reason, size_t size);
    int (*reactor_find)(struct goevd_self *self, const char *name);
};

/* Begin to connect. Exactly one callback follows, later: the handler's on_open on the poller that
 * serves, or its on_connect_fail. The work pool resolves a name, and its addresses, at most 16, are
 * tried one after the other. Limits and socket options are those of `connectors` in the
 * configuration.
 *
 * ret_id   the attempt, for goevd_connect_cancel(); may be NULL. It is not the connection's id.
 * Thread   [poller]
 * Returns  0; -EINVAL for a wrong address, reactor or stream, too much state or too many options;
 *          -EAGAIN if the queue of the work pool is full; -ECANCELED if goevd closes its last
 *          connections; -ENOMEM. After an error no callback follows.
 * Calls    no handler before it returns.
 * Source   connect(2), getaddrinfo(3).
 */
static inline int
goevd_connect(struct goevd_self *self, struct goevd_poller *poller,
              const struct goevd_connect_request *request, uint64_t *ret_id)
{
    return goevd_host->connect->connect(self, poller, request, ret_id);
}

/* Cancel an attempt: on_connect_fail(-ECANCELED) follows soon. An attempt that is decided is not
 * cancelled: its on_open may still come on another poller.
 *
 * poller   the one that called goevd_connect().
 * Thread   [poller]
 * Calls    no handler before it returns.
 */
static inline void
goevd_connect_cancel(struct goevd_poller *poller, uint64_t id)
{
    goevd_host->connect->connect_cancel(poller, id);
}

/* Whether goevd_connect() takes an address, so that create can refuse an option. It resolves no
 * name.
 *
 * ret_reason  what is wrong, a sentence of at most size - 1 bytes; NULL if size is 0.
 * Thread      [any]
 * Returns     0; -EINVAL.
 */
static inline int
goevd_address_check(const char *text, char *ret_reason, size_t size)
{
    return goevd_host->connect->address_check(text, ret_reason, size);
}

/* The number of a reactor of the configuration, for goevd_connect() and on_accept.
 *
 * Thread   [any]
 * Returns  1 or more; -ENOENT.
 */
static inline int
goevd_reactor_find(struct goevd_self *self, const char *name)
{
    return goevd_host->connect->reactor_find(self, name);
}

/* The layout on 64-bit machines. */
#if UINTPTR_MAX == UINT64_MAX
GOEVD_STATIC_ASSERT(sizeof(struct goevd_connect_request) == 88, "goevd_connect has moved");
#endif

#ifdef __cplusplus
}
#endif

#endif
