/* goevd/worker.h - a request for another worker, and whether this one is at its end.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef GOEVD_WORKER_H
#define GOEVD_WORKER_H

#include <goevd/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The functions below, in the table that goevd_host->worker points to. */
struct goevd_host_worker {
    struct goevd_version version;

    void (*worker_replace)(struct goevd_self *self, const char *why);
    bool (*worker_is_replaced)(struct goevd_self *self);
    bool (*worker_is_stopping)(struct goevd_self *self);
};

/* Ask for another worker in the place of this one, as by a reload: from the files on disk now, and
 * without losing a connection. Several requests are one. If the reload fails, this worker goes on.
 * With --single, or once goevd stops, nothing happens.
 *
 * why      a few words for the log; static.
 * Thread   [any]
 */
static inline void
goevd_worker_replace(struct goevd_self *self, const char *why)
{
    goevd_host->worker->worker_replace(self, why);
}

/* Whether another worker serves in the place of this one, which drains: after a reload, and not
 * when goevd stops. It may become false again, if goevd stops meanwhile.
 *
 * Thread   [any]
 * Returns  true or false.
 */
static inline bool
goevd_worker_is_replaced(struct goevd_self *self)
{
    return goevd_host->worker->worker_is_replaced(self);
}

/* Whether goevd stops, from the request to stop on: also during `stop_delay`, while it still
 * accepts connections. A reload alone never makes it true.
 *
 * Thread   [any]
 * Returns  true or false.
 */
static inline bool
goevd_worker_is_stopping(struct goevd_self *self)
{
    return goevd_host->worker->worker_is_stopping(self);
}

#ifdef __cplusplus
}
#endif

#endif
