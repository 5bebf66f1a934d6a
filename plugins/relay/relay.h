/* relay - a TCP proxy from clients to one of several upstreams, and back.
 *
 *   relay.c      a client and its upstream: bytes, ends, resets
 *   upstream.c   which upstream: least connections, and rest after a failure
 *   metrics.c    the metrics
 *   options.c    the options
 *
 * The two connections of a relay belong to one poller. Upstreams are common to all pollers, and
 * their fields that change are atomic.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef RELAY_H
#define RELAY_H

#include <stdatomic.h>

#include <goevd/metrics.h>
#include <goevd/plugin.h>
#include <goevd/tls.h>

#define RELAY_UPSTREAMS_MAX 64 /* a mask of 64 bits has a bit for each */

struct relay_options {
    struct goevd_list upstreams; /* of struct goevd_str */
    int64_t connect_timeout_ns;
    int64_t tries;
    int64_t rest_ns;
    int64_t stop_quiet_ns;
    int proxy_protocol; /* version of the header; 0: no header */
    const struct goevd_tls_options *tls; /* NULL: connections are plain */
};

extern const struct goevd_schema relay_options_schema;

/* The metrics of each upstream, and their sums. */
enum relay_upstream_metric {
    RELAY_UPSTREAM_OPEN,
    RELAY_UPSTREAM_CONNECTED,
    RELAY_UPSTREAM_FAILED,
    RELAY_UPSTREAM_METRICS
};
enum relay_metric {
    RELAY_OPEN,
    RELAY_CONNECTING,
    RELAY_CONNECTED,
    RELAY_REFUSED,
    RELAY_RESET,
    RELAY_IDLE,
    RELAY_RESTING,
    RELAY_BYTES_UP,
    RELAY_BYTES_DOWN,
    RELAY_METRICS
};

struct relay_upstream {
    const char *address;
    struct goevd_tls *tls;   /* NULL: plain */
    atomic_uint connections; /* open or in the making, of all pollers */
    atomic_uint early;       /* successive connections that the upstream has ended early, without a
                              * byte */
    /* 0: available. Otherwise the upstream has failed, and is avoided until then. */
    _Atomic(uint64_t) rest_until_ns;
    int metrics[RELAY_UPSTREAM_METRICS];
};

struct relay_instance {
    struct goevd_self *self;
    const struct relay_options *options;
    int metrics[RELAY_METRICS];
    atomic_uint first; /* index of the first one tried among equals */
    unsigned upstream_count;
    struct relay_upstream upstreams[];
};

/* ---- upstream.c ------------------------------------------------------------------------------ */

/* 0, or the result of goevd_refuse(). */
int relay_upstreams_init(struct relay_instance *i);

/* Take the upstream with the fewest connections that is not in the mask `tried`, and add it to the
 * mask. NULL: all have been tried. */
struct relay_upstream *relay_upstream_take(struct relay_instance *i, uint64_t *tried);

/* Count down: a connection has ended, or could not be made. */
void relay_upstream_drop(struct relay_upstream *u);

/* Report the result of an attempt to connect. */
void relay_upstream_answers(struct relay_instance *i, struct relay_upstream *u,
                            struct goevd_poller *poller);
void relay_upstream_fails(struct relay_instance *i, struct relay_upstream *u,
                          struct goevd_poller *poller, int error);

/* The upstream has closed a connection early without sending anything; it has sent something. */
void relay_upstream_ends_early(struct relay_instance *i, struct relay_upstream *u,
                               struct goevd_poller *poller);
void relay_upstream_serves(struct relay_upstream *u);

/* ---- metrics.c ------------------------------------------------------------------------------- */

/* 0, or the result of goevd_metric_new(). */
int relay_metrics_init(struct relay_instance *i);

static inline void
relay_count(struct relay_instance *i, struct goevd_poller *poller, enum relay_metric metric,
            int64_t delta)
{
    goevd_metric_add(i->self, poller, i->metrics[metric], delta);
}

static inline void
relay_upstream_count(struct relay_instance *i, const struct relay_upstream *u,
                     struct goevd_poller *poller, enum relay_upstream_metric metric, int64_t delta)
{
    goevd_metric_add(i->self, poller, u->metrics[metric], delta);
}

#endif
