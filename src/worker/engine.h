/* The engine of a worker: its reactors and listeners, from the first socket to the last
 * connection. */
#pragma once

#include <stdatomic.h>

#include "ev/work.h"
#include "metrics/history.h"
#include "net/accept/listener.h"
#include "worker/parent.h"
#include "worker/setup.h"

struct engine {
    struct setup *setup;
    struct parent *parent;
    struct reactor **reactors;
    size_t reactor_count;
    struct listener **listeners;
    size_t listener_count;
    struct work_pool *work;
    struct names *names;
    struct reader reader; /* of the counts of all workers */
    struct history history;
    time_t since; /* when the worker was started */
    size_t tail_max;
    struct conn_limits outgoing[2]; /* of connections that plugins open; one is in use, */
    unsigned outgoing_at;           /* this one */
    int drained_fd;                 /* eventfd(2), readable when the last connection has ended */
    atomic_uint draining;           /* pollers that still hold connections */
};

/* Raise the limit of open files, RLIMIT_NOFILE, to open_files_max. */
int engine_raise_files(const struct config *config, struct err *reterr);

/* Make the reactors. */
int engine_init(struct engine *e, struct setup *setup, struct err *reterr);

/* Start the pollers and take the sockets: all that may fail but accepting. */
int engine_start(struct engine *e, struct parent *parent, struct err *reterr);

/* Accept connections. */
int engine_accept(struct engine *e, struct err *reterr);

/* How many connections are open. Not from a poller. */
uint64_t engine_count(struct engine *e);

/* How many pollers there are. */
unsigned engine_pollers(const struct engine *e);

/* Bring the metrics that pollers do not count as they go up to date. Not from a poller. */
void engine_collect(struct engine *e);

/* Accept no more, and call on_stop of every connection. */
void engine_drain(struct engine *e);

/* Change the limits that differ between `old` and `config`, on all pollers before it returns. */
void engine_limit(struct engine *e, const struct config *old, const struct config *config);

/* Convert limits of the configuration to those of connections and listeners. */
void engine_limits(const struct config_limits *c, struct conn_limits *ret);
void engine_listener_limits(const struct config_listener *c, struct listener_limits *ret);

/* Close the connections that are left, and end the pollers. */
void engine_stop(struct engine *e);

/* After plugins_destroy(). */
void engine_fini(struct engine *e);

/* Log each reactor and each listener with its address. */
void engine_log(const struct engine *e);

/* Report in one line that goevd serves, and where to open it. `pid` is the process to signal. */
void engine_announce(const struct engine *e, int pid);
