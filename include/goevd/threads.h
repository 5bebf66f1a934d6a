/* goevd/threads.h - reach connections and pollers from any thread.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef GOEVD_THREADS_H
#define GOEVD_THREADS_H

#include <goevd/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef void (*goevd_call_fn)(struct goevd_poller *poller, void *local, void *arg);
typedef void (*goevd_called_fn)(void *arg);
typedef void (*goevd_conn_call_fn)(struct goevd_conn *c, void *state, void *arg);

/* The functions below, in the table that goevd_host->threads points to. */
struct goevd_host_threads {
    struct goevd_version version;

    int (*send)(struct goevd_self *self, uint64_t conn_id, const void *data, size_t len,
                uint64_t cookie);
    int (*close)(uint64_t conn_id, unsigned flags);
    int (*call)(struct goevd_self *self, unsigned poller, goevd_call_fn fn, void *arg);
    int (*call_all)(struct goevd_self *self, goevd_call_fn fn, goevd_called_fn done, void *arg);
    int (*conn_call)(struct goevd_self *self, uint64_t conn_id, goevd_conn_call_fn fn, void *arg);
};

/* Send bytes to a connection of any poller. Sends of one thread to one connection keep their order.
 *
 * conn_id  of goevd_conn_id(); the connection may be gone.
 * data     len bytes; copied.
 * cookie   an argument of on_sent of this instance, which runs exactly once if this returns 0.
 * Thread   [any]
 * Returns  0; -EAGAIN if the mailbox of the poller is full; -ECANCELED if the poller has ended
 *          because goevd stops; -EINVAL if conn_id was never an id; -ENOMEM.
 */
static inline int
goevd_send(struct goevd_self *self, uint64_t conn_id, const void *data, size_t len, uint64_t cookie)
{
    return goevd_host->threads->send(self, conn_id, data, len, cookie);
}

/* Close a connection of any poller, after the earlier sends of this thread. If it is gone, nothing
 * happens.
 *
 * flags    enum goevd_close_flags.
 * Thread   [any]
 * Returns  0; -EAGAIN, -ECANCELED, -EINVAL, -ENOMEM as goevd_send() does.
 */
static inline int
goevd_close(uint64_t conn_id, unsigned flags)
{
    return goevd_host->threads->close(conn_id, flags);
}

/* Run a function on a poller, outside of callbacks, after the earlier sends of this thread to it.
 *
 * poller   of goevd_poller_index().
 * fn       gets the poller's local pointer of this instance. It is NULL once the poller has
 *          stopped: then fn must only free the objects of arg.
 * Thread   [any]
 * Returns  0: fn runs exactly once, unless create fails; -EINVAL: no such poller; -EAGAIN if its
 *          mailbox is full; -ECANCELED if it has ended; -ENOMEM.
 */
static inline int
goevd_call(struct goevd_self *self, unsigned poller, goevd_call_fn fn, void *arg)
{
    return goevd_host->threads->call(self, poller, fn, arg);
}

/* Run a function once on every poller, as goevd_call() does, and then another one.
 *
 * done     runs once, on the poller where fn ran last; NULL: nothing runs.
 * Thread   [any]
 * Returns  0; -ECANCELED once the pollers have ended, -ENOMEM: it runs nowhere.
 */
static inline int
goevd_call_all(struct goevd_self *self, goevd_call_fn fn, goevd_called_fn done, void *arg)
{
    return goevd_host->threads->call_all(self, fn, done, arg);
}

/* Run a function on the poller of a connection, as a callback of that connection, after the earlier
 * sends of this thread to it.
 *
 * fn       gets the connection and its state. Both are NULL if it has closed or has another
 *          handler.
 * Thread   [any]
 * Returns  as goevd_call() does; -EINVAL if conn_id was never an id.
 */
static inline int
goevd_conn_call(struct goevd_self *self, uint64_t conn_id, goevd_conn_call_fn fn, void *arg)
{
    return goevd_host->threads->conn_call(self, conn_id, fn, arg);
}

#ifdef __cplusplus
}
#endif

#endif
