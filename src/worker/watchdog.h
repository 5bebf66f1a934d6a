/* A thread that watches the pollers: one that stays in a callback serves no other connection
 * meanwhile. The main thread cannot watch, because it waits for pollers too. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "base/err.h"
#include "ev/reactor.h"

/* The main thread, which counts how often it turns. */
struct watchdog_main {
    pthread_t thread;
    atomic_uint turns;
    atomic_bool rests; /* it waits for events, or runs a call that may take long */
};

struct watchdog_config {
    uint64_t timeout_ns; /* a poller that has not turned for so long hangs; 0: no watch */
    bool abort;          /* end the process then, in the thread that hangs */
    struct reactor **reactors;
    size_t reactor_count;
    struct watchdog_main *main;
    void (*on_look)(void *arg); /* at each look, in the watchdog's thread */
    void *arg;
};

/* The state of one poller, as the watchdog has seen it. */
struct watchdog_look {
    uint64_t rounds;   /* at the last look */
    uint64_t quiet_ns; /* for so long, at least, it has been or was in the same round */
    bool turned;       /* at the last look */
    bool told;         /* that it hangs */
};

enum watchdog_verdict {
    WATCHDOG_FINE,
    WATCHDOG_HANGS,       /* reported once */
    WATCHDOG_TURNS_AGAIN, /* after a report that it hangs */
};

/* Look at a poller, elapsed_ns after the last look at it. With WATCHDOG_TURNS_AGAIN quiet_ns still
 * gives the time for which it hung. */
enum watchdog_verdict watchdog_judge(struct watchdog_look *look, uint64_t rounds, bool resting,
                                     uint64_t elapsed_ns, uint64_t timeout_ns);

struct watchdog;

/* Call it when the pollers have started. *ret is NULL if the configuration asks for no watch. */
int watchdog_start(const struct watchdog_config *config, struct watchdog **ret, struct err *reterr);

/* Before the reactors are freed; NULL does nothing. */
void watchdog_stop(struct watchdog *w);
