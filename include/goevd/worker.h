/* goevd/worker.h - a request for another worker.
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
};

/* Ask for another worker in the place of this one, as by a reload: from what is on disk now, and
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

#ifdef __cplusplus
}
#endif

#endif
