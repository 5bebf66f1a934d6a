/* The work pool: threads for jobs that would make a poller wait. */
#pragma once

#include "ev/poller.h"

struct work_pool_config {
    unsigned threads;
    unsigned queue_max; /* jobs that may wait for a thread */
    size_t stack_bytes;
};

struct work;
typedef int (*work_run_fn)(struct work *w);
typedef void (*work_done_fn)(struct work *w, int result);

/* Embedded in its owner; the pool's from work_submit() until `done`, which may free it. */
struct work {
    struct message message;
    struct work *next;
    work_run_fn run;   /* on a thread of the pool */
    work_done_fn done; /* on `poller`: what run returned; -ECANCELED if the pool stopped first */
    struct poller *poller; /* lives longer than the pool */
    int result;
};

struct work_pool;

/* Start the threads. */
int work_pool_new(const struct work_pool_config *config, struct work_pool **ret,
                  struct err *reterr);

/* [any thread] `run` runs once, in turn, and then `done`. 0; -EAGAIN when queue_max jobs wait;
 * -ECANCELED once the pool has stopped. After an error w is still the caller's. */
int work_submit(struct work_pool *pool, struct work *w);

/* Cancel what waits, let what runs end, join the threads. Every `done` is in its poller's mailbox
 * then. NULL does nothing. */
void work_pool_stop(struct work_pool *pool);

/* After work_pool_stop(), when nobody submits any more; NULL does nothing. */
void work_pool_free(struct work_pool *pool);
