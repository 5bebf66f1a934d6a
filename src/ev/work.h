/* The work pool: threads for jobs that would make a poller wait.
 *
 * Each kind of job has threads and a queue of its own, so that a name server that does not answer
 * delays no read of a file. Within a kind, jobs that wait for the same thing (one plugin instance,
 * one disk) have the same share: a quarter of the threads is left to others, and so is the queue.
 * Threads start when they are first needed. */
#pragma once

#include "ev/poller.h"

#define WORK_SHARES 64

struct work_pool_config {
    unsigned threads[WORK_KINDS];
    unsigned queue_max; /* jobs of one share that may wait for a thread */
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
    work_done_fn done; /* on `poller`: the result of run; -ECANCELED if the pool stopped first */
    struct poller *poller; /* lives longer than the pool */
    int result;
    uint8_t kind;  /* enum work_kind */
    uint8_t share; /* work_share() */
};

struct work_pool;

/* 0; -ENOMEM. */
int work_pool_new(const struct work_pool_config *config, struct work_pool **ret,
                  struct err *reterr);

/* [w->poller] `run` runs once, in turn, and then `done`. 0; -EAGAIN when queue_max jobs wait, or no
 * thread can be started; -ECANCELED once the pool has stopped. After an error w is still the
 * caller's. */
int work_submit(struct work_pool *pool, struct work *w);

/* Cancel waiting jobs, let running jobs end, join the threads. Every `done` is in its poller's
 * mailbox then. NULL does nothing. */
void work_pool_stop(struct work_pool *pool);

/* After work_pool_stop(), when no thread submits any more; NULL does nothing. */
void work_pool_free(struct work_pool *pool);

/* The share of all jobs with this key. Different keys have the same one by accident only. */
static inline uint8_t
work_share(uint64_t key)
{
    return (uint8_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 58);
}
