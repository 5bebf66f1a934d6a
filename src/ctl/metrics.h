/* goevd's own metrics: the counters of each poller and their names. A metric that is added to a
 * struct needs a row here, or the build fails. */
#pragma once

#include "ev/poller.h"
#include "metrics/registry.h"
#include "net/conn/net.h"

/* The counters of a poller, in the shared memory. */
struct metrics_block {
    _Alignas(CACHE_LINE) struct poller_metrics poller;
    struct net_metrics net;
};

#define METRICS_COLLECTED_MAX 24

struct metrics {
    struct registry *registry;
    struct metrics_block *blocks;
    unsigned count;                       /* of pollers */
    int collected[METRICS_COLLECTED_MAX]; /* numbers of those that a poller is asked for */
};

/* [main, before registry_start()] Register all of them. -ENOSPC, -ENOMEM. */
int metrics_init(struct metrics *m, struct registry *r, unsigned pollers);

/* [poller p, as it starts] Let it count where others read. */
void metrics_attach(struct metrics *m, struct poller *p);

/* [poller p] Bring its gauges up to date. */
void metrics_collect(const struct metrics *m, struct poller *p);
