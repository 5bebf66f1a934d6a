/* Jobs of the supervisor: calls with a path may wait for a file system that hangs, so the thread
 * `paths` makes them, in the order of submission. A job owns copies of its input. The state of the
 * supervisor changes in `done` alone, in the main thread. */
#pragma once

#include "supervisor/supervisor.h"

struct supervisor_job {
    struct helper_job job;
    struct supervisor *supervisor;
    void (*done)(struct helper_job *job);
    struct child *child; /* the worker that the job is for; NULL: none */
    unsigned number;     /* of that worker */
    int fd;              /* what the job has opened, or a negative errno */
    struct err err;
};

/* A zeroed struct of `size` bytes that begins with a job for worker c, or for none. NULL: no
 * memory. */
void *supervisor_new_job(struct supervisor *s, struct child *c, size_t size);

/* `run` runs in the thread, then `done` in the main thread, which frees the job. */
void supervisor_submit(struct supervisor_job *j, void (*run)(struct helper_job *job),
                       void (*done)(struct helper_job *job));

/* The worker that the job is for, or NULL if it has ended; and if it does not start any more. */
struct child *supervisor_job_child(const struct supervisor_job *j);
struct child *supervisor_job_starting(const struct supervisor_job *j);

/* A reply could not be sent to the worker if r is negative: close its channel. */
void supervisor_replied(struct supervisor *s, struct child *c, int r);
