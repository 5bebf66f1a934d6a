/* A reactor: a named set of pollers, each in a thread of its own. */
#pragma once

#include <pthread.h>
#include <sched.h>

#include "ev/poller.h"

#define REACTOR_NAME_MAX 32

/* Where pollers run. */
enum reactor_cpus {
    REACTOR_CPUS_AUTO, /* one on each allowed CPU if there are as many; else as the kernel likes */
    REACTOR_CPUS_NONE, /* as the kernel likes */
    REACTOR_CPUS_LIST, /* poller i on cpu_list[i mod cpu_count] */
};

struct reactor_config {
    const char *name;
    unsigned pollers; /* 0: as many as there are CPUs to run on */
    enum reactor_cpus cpus;
    const unsigned *cpu_list;
    unsigned cpu_count;
    size_t stack_bytes;
    struct poller_config poller;
};

/* Called on each poller's thread, before its first round and after its last. A start that fails is
 * told by reactor_start(); no stop follows it. */
typedef int (*reactor_start_fn)(struct poller *p, void *arg, struct err *reterr);
typedef void (*reactor_stop_fn)(struct poller *p, void *arg);
typedef void (*reactor_call_fn)(struct poller *p, void *arg);

struct reactor_thread;

struct reactor {
    char name[REACTOR_NAME_MAX];
    unsigned count;
    struct poller **pollers;
    struct reactor_thread *threads;
    size_t stack_bytes;
    reactor_start_fn start;
    reactor_stop_fn stop;
    void *arg;
};

/* Make the pollers; no thread runs yet. */
int reactor_new(const struct reactor_config *config, struct reactor **ret, struct err *reterr);

/* After reactor_stop(), or without a start; NULL does nothing. */
void reactor_free(struct reactor *r);

/* Start the threads, and return when start (may be NULL) has run on each: 0, or its first error
 * when all threads have ended again. */
int reactor_start(struct reactor *r, reactor_start_fn start, reactor_stop_fn stop, void *arg,
                  struct err *reterr);

/* The poller that holds the fewest connections now [any thread]. */
struct poller *reactor_least_loaded(const struct reactor *r);

/* The same for every connection. Reading the loads of all pollers would cost too much, because each
 * lies in a line of cache that its CPU writes: of many pollers, the less loaded of two at random.
 * *random is the caller's own, and not 0. */
struct poller *reactor_less_loaded(const struct reactor *r, uint64_t *random);

/* Run fn on each poller, and return when it has run on all. Not from a poller. */
void reactor_call(struct reactor *r, reactor_call_fn fn, void *arg);

/* The same on poller i alone. */
void reactor_call_one(struct reactor *r, unsigned i, reactor_call_fn fn, void *arg);

/* [any thread] Send a signal to the thread of poller i. 0; -ESRCH: it does not run. */
int reactor_signal(struct reactor *r, unsigned i, int signo);

/* End the threads, with `stop` as the last that runs on each, and join them. Messages
 * in the mailboxes then are handled by the caller's thread in their place. */
void reactor_stop(struct reactor *r);
