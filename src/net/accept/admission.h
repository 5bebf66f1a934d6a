/* How many connections a listener may have, and which of its acceptors wait for one to end. */
#pragma once

#include <stdatomic.h>

#include "ev/poller.h"

struct acceptor;
struct admission_waiter;

/* [its poller] A connection may be taken again, unless another poller has been faster. */
typedef void (*admission_fn)(struct admission_waiter *w);

struct admission_waiter {
    struct message message;
    struct poller *poller;
    struct acceptor *acceptor; /* for fn */
    admission_fn fn;
    atomic_int state; /* enum admission_state */
};

struct admission {
    atomic_uint max; /* changes while pollers read it */
    struct admission_waiter *waiters;
    unsigned waiter_count;

    _Alignas(64) atomic_uint count; /* open or about to be */
    atomic_uint waiting;            /* waiters that wait */
    atomic_uint next;               /* which of them is woken first */
};

/* Make room for so many that may wait; admission_fini() frees it. 0; -ENOMEM. */
int admission_init(struct admission *a, unsigned waiters);
void admission_fini(struct admission *a);

/* A place for one more connection, or false. */
bool admission_claim(struct admission *a);

/* Give a place back, and wake one that waits. */
void admission_release(struct admission *a);

/* [w->poller] There is no place: fn is called when there may be one. It may be called for nothing.
 */
void admission_wait(struct admission *a, struct admission_waiter *w);

/* [w->poller] It waits no longer; fn may be called once more, if it is on its way. */
void admission_leave(struct admission *a, struct admission_waiter *w);

/* Wake one that waits, because max has changed [any thread]. */
void admission_wake(struct admission *a);
