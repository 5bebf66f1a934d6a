/* goevd/poller.h - the number of a poller, and descriptors that it watches for a plugin.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef GOEVD_POLLER_H
#define GOEVD_POLLER_H

#include <goevd/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

struct goevd_watch; /* a file descriptor of an instance, watched by one poller */

typedef void (*goevd_watch_fn)(struct goevd_watch *watch, unsigned events, void *arg);

/* Events to watch a descriptor for, and events that have occurred. */
enum goevd_watch_events {
    GOEVD_WATCH_READ = 1 << 0,
    GOEVD_WATCH_WRITE = 1 << 1,
    GOEVD_WATCH_ERROR = 1 << 2 /* only reported: an error or hang-up, with all requested events */
};

/* The functions below, in the table that goevd_host->poller points to. */
struct goevd_host_poller {
    struct goevd_version version;

    unsigned (*poller_index)(struct goevd_poller *poller);
    unsigned (*poller_count)(void);
    struct goevd_watch *(*watch_new)(struct goevd_poller *poller, int fd, goevd_watch_fn fn,
                                     void *arg);
    int (*watch_set)(struct goevd_watch *watch, unsigned events);
    void (*watch_free)(struct goevd_watch *watch);
    uint64_t (*poller_clock)(struct goevd_poller *poller);
};

/* The number of a poller among the pollers of the process.
 *
 * Thread   [any]
 * Returns  0 to 255, and below goevd_poller_count().
 */
static inline unsigned
goevd_poller_index(struct goevd_poller *poller)
{
    return goevd_host->poller->poller_index(poller);
}

/* An exact time of the present round of a poller, which is the same for all its callers: the first
 * call in a round reads the clock. Where many events come in a round, it costs less than
 * goevd_now().
 *
 * Thread   [poller]
 * Returns  nanoseconds of CLOCK_MONOTONIC.
 * Source   clock_gettime(2).
 */
static inline uint64_t
goevd_poller_clock(struct goevd_poller *poller)
{
    return goevd_host->poller->poller_clock(poller);
}

/* The pollers of the process.
 *
 * Thread   [any]
 * Returns  their number.
 */
static inline unsigned
goevd_poller_count(void)
{
    return goevd_host->poller->poller_count();
}

/* Let a poller watch a descriptor that is no connection of goevd: a pipe, an eventfd, the socket of
 * a library. It reports nothing before goevd_watch_set().
 *
 * fd       owned by the caller, which frees the watch before closing it.
 * fn       runs on that poller; may set or free the watch.
 * Thread   [poller]
 * Returns  the watch, which the caller frees before poller_stop returns; NULL without memory.
 */
static inline struct goevd_watch *
goevd_watch_new(struct goevd_poller *poller, int fd, goevd_watch_fn fn, void *arg)
{
    return goevd_host->poller->watch_new(poller, fd, fn, arg);
}

/* Choose the events of a watch. It is level-triggered: it reports them as long as they hold.
 *
 * events   GOEVD_WATCH_READ, GOEVD_WATCH_WRITE; 0: nothing, not even a hang-up.
 * Thread   [poller]
 * Returns  0; -EPERM if fd cannot be watched, such as a regular file; -EEXIST if another watch of
 *          this poller has it; -EINVAL for other events; -EBADF, -ENOSPC, -ENOMEM.
 * Source   epoll_ctl(2).
 */
static inline int
goevd_watch_set(struct goevd_watch *watch, unsigned events)
{
    return goevd_host->poller->watch_set(watch, events);
}

/* Free a watch; NULL does nothing. The descriptor stays open, and fn is not called any more.
 *
 * Thread   [poller]
 */
static inline void
goevd_watch_free(struct goevd_watch *watch)
{
    goevd_host->poller->watch_free(watch);
}

#ifdef __cplusplus
}
#endif

#endif
