/* A worker's side: the sum of the counts of all workers. Any thread may read, but a lock is held
 * meanwhile, so pollers do not. */
#pragma once

#include <pthread.h>

#include "metrics/registry.h"

struct reader_peer {
    uint64_t id; /* 0: free */
    struct counts counts;
    struct catalog catalog;
    bool read; /* the catalog */
};

struct reader {
    pthread_mutex_t lock;
    const struct registry *own;
    struct counts totals; /* the supervisor's; without a supervisor there are none */
    struct reader_peer peers[COUNTS_MAX];
};

void reader_init(struct reader *r, const struct registry *own);
void reader_fini(struct reader *r);

/* The supervisor's totals; and another worker's counts. The descriptors stay the caller's. 0; a
 * negative errno, and -ENOSPC where there are too many. */
int reader_set_totals(struct reader *r, int fd, struct err *reterr);
int reader_add_peer(struct reader *r, uint64_t id, int fd, struct err *reterr);

/* The facts that the supervisor has written. 0; -EAGAIN if there is no supervisor. */
int reader_read_facts(struct reader *r, char ret[COUNTS_FACTS_MAX]);

/* Everything, as it is now. 0; -ENOMEM; -EAGAIN if the totals change all the time. */
int reader_take(struct reader *r, struct view *ret);
