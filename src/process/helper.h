/* A thread for calls that may wait: on a file system that hangs, or for a socket that lingers. Jobs
 * run one after the other. */
#pragma once

#include <pthread.h>

#include "base/err.h"

struct helper_job {
    struct helper_job *next;
    void (*run)(struct helper_job *job);  /* in the thread */
    void (*done)(struct helper_job *job); /* in helper_finish(); it may free the job */
};

struct helper {
    pthread_mutex_t lock; /* no thread waits for anything else while it holds the lock */
    pthread_cond_t wake;
    pthread_t thread;
    struct helper_job *first, *last;             /* to run; the first one may be running */
    struct helper_job *finished, *finished_last; /* whose `done` is due */
    int event_fd;                                /* readable while there are finished jobs */
    bool runs, ends;
};

/* A zeroed helper runs jobs in the calling thread. 0; a negative errno. */
int helper_start(struct helper *h, const char *name);

/* Run the job in its turn. */
void helper_submit(struct helper *h, struct helper_job *job);

/* Close it in its turn; a negative fd is left alone. Returns -1. */
int helper_close(struct helper *h, int fd);

/* Call `done` of the jobs that have run. */
void helper_finish(struct helper *h);

/* Give the jobs so much time, and end the thread unless it is held up. Returns whether it has ended:
 * else the process ends without it, and the memory of the helper has to stay. */
bool helper_stop(struct helper *h, uint64_t timeout_ns);
