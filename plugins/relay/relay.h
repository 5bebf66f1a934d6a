/* relay - a TCP proxy: what a client sends goes to one of several upstreams, and back.
 *
 *   relay.c      a client and its upstream: bytes, ends, resets
 *   upstream.c   which upstream: least connections, and rest after a failure
 *   figures.c    what is counted
 *   options.c    what the configuration may say
 *
 * The two connections of a relay belong to one poller. Upstreams are common to all pollers, and
 * their fields that change are atomic.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef RELAY_H
#define RELAY_H

#include <stdatomic.h>

#include <goevd/plugin.h>

#define UPSTREAMS_MAX 64 /* as many as a mask of 64 bits can tell apart */

struct options {
    struct goevd_list upstreams; /* of struct goevd_str */
    int64_t connect_timeout_ns;
    int64_t tries;
    int64_t rest_ns;
    int64_t stop_quiet_ns;
    int proxy_protocol; /* version of the header; 0: none */
};

extern const struct goevd_schema relay_options;

/* What is counted of each upstream, and of all together. */
enum upstream_figure { UPSTREAM_OPEN, UPSTREAM_CONNECTED, UPSTREAM_FAILED, UPSTREAM_FIGURES };
enum relay_figure {
    RELAY_OPEN,
    RELAY_CONNECTING,
    RELAY_CONNECTED,
    RELAY_REFUSED,
    RELAY_RESET,
    RELAY_IDLE,
    RELAY_RESTING,
    RELAY_BYTES_UP,
    RELAY_BYTES_DOWN,
    RELAY_FIGURES
};

struct upstream {
    const char *address;
    atomic_uint connections; /* being made and open, of all pollers */
    /* 0: it answers. Otherwise it has failed, and is left alone until then. */
    _Atomic(uint64_t) rest_until_ns;
    int figures[UPSTREAM_FIGURES];
};

struct instance {
    struct goevd_self *self;
    const struct options *options;
    int figures[RELAY_FIGURES];
    atomic_uint turn; /* who goes first among equals */
    unsigned upstream_count;
    struct upstream upstreams[];
};

/* ---- upstream.c ------------------------------------------------------------------------------ */

/* 0, or what goevd_refuse() has returned. */
int upstreams_init(struct instance *i);

/* Take the one that has the fewest connections, of those that are not in the mask `tried`, and add
 * it to the mask. NULL: all are in it. */
struct upstream *upstream_take(struct instance *i, uint64_t *tried);

/* Its connection has ended, or was not made. */
void upstream_drop(struct upstream *u);

/* What came of connecting. */
void upstream_answers(struct instance *i, struct upstream *u, struct goevd_poller *poller);
void upstream_fails(struct instance *i, struct upstream *u, struct goevd_poller *poller, int error);

/* ---- figures.c ------------------------------------------------------------------------------- */

/* 0, or what goevd_figure_new() has returned. */
int figures_init(struct instance *i);

static inline void
count(struct instance *i, struct goevd_poller *poller, enum relay_figure figure, int64_t delta)
{
    goevd_figure_add(i->self, poller, i->figures[figure], delta);
}

static inline void
upstream_count(struct instance *i, const struct upstream *u, struct goevd_poller *poller,
               enum upstream_figure figure, int64_t delta)
{
    goevd_figure_add(i->self, poller, u->figures[figure], delta);
}

#endif
