/* goevd/work.h - jobs that block, on the threads of the work pool.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef GOEVD_WORK_H
#define GOEVD_WORK_H

#include <goevd/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef int (*goevd_job_fn)(void *arg);
typedef void (*goevd_done_fn)(struct goevd_conn *c, void *arg, int result);

/* Flags of goevd_submit(). */
enum goevd_submit_flags {
    GOEVD_SUBMIT_ORDERED = 1 << 0, /* `done` runs in the order of submission */
    GOEVD_SUBMIT_COMPUTE = 1 << 1, /* the job only computes */
    GOEVD_SUBMIT_FILES = 1 << 2    /* the job waits for nothing but files */
};

/* The functions below, in the table that goevd_host->work points to. */
struct goevd_host_work {
    struct goevd_version version;

    int (*submit)(struct goevd_self *self, struct goevd_poller *poller, uint64_t conn_id,
                  unsigned flags, goevd_job_fn job, goevd_done_fn done, void *arg);
};

/* Run a job on a thread of the work pool, and then `done` on this poller.
 *
 * conn_id  a connection of this poller that the job is for; 0: none.
 * flags    GOEVD_SUBMIT_ORDERED: in order among the ordered jobs of this connection.
 *          GOEVD_SUBMIT_COMPUTE or GOEVD_SUBMIT_FILES: on threads that jobs without it cannot
 * occupy. job      may block. It may call only [any] functions, and must not use the connection.
 * done     runs exactly once, as a callback of the connection, with the result of job; -ECANCELED
 *          if goevd stopped before the job began. c is NULL if the connection has closed or has
 *          another handler, or conn_id is 0. While goevd stops, done may run after poller_stop,
 *          with c NULL: then it must only free the objects of arg.
 * Thread   [poller]
 * Returns  0; -EAGAIN if the queue of the work pool is full; -ECANCELED if goevd stops; -EINVAL if
 *          conn_id is of another poller; -ENOMEM. After an error nothing runs.
 * Calls    nothing before it returns.
 */
static inline int
goevd_submit(struct goevd_self *self, struct goevd_poller *poller, uint64_t conn_id, unsigned flags,
             goevd_job_fn job, goevd_done_fn done, void *arg)
{
    return goevd_host->work->submit(self, poller, conn_id, flags, job, done, arg);
}

#ifdef __cplusplus
}
#endif

#endif
