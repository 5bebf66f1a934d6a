/* How other threads reach a poller: many producers, one consumer, no locks.
 *
 * Producers push onto a stack; the one that finds it empty wakes the consumer, which takes all at
 * once and turns them round. Messages of one producer are therefore handled in their order, and
 * none can be missed: whatever comes after the taking finds the stack empty again.
 */
#pragma once

#include <stdatomic.h>

#include "base/err.h"

struct message;
typedef void (*message_fn)(struct message *m, void *consumer);

/* Embedded in the message; owned by the mailbox from post until fn is called, which may free it.
 */
struct message {
    struct message *next;
    message_fn fn;
    bool counted; /* the mailbox's: it came by mailbox_try_post() */
};

struct mailbox {
    _Atomic(struct message *) top;
    atomic_uint counted; /* messages that count against the limit */
    unsigned limit;
    int fd;                /* eventfd(2), readable when there may be messages */
    struct message *taken; /* the consumer's own: taken, not handled yet */
};

int mailbox_init(struct mailbox *mb, unsigned limit, struct err *reterr);

/* No thread posts any more. Remaining messages are handled. */
void mailbox_fini(struct mailbox *mb, void *consumer);

/* [any thread] Cannot fail: for messages that carry their own node. */
void mailbox_post(struct mailbox *mb, struct message *m);

/* [any thread] 0; -EAGAIN when `limit` such messages wait, -ECANCELED after mailbox_refuse(), and
 * then m is still the caller's. */
int mailbox_try_post(struct mailbox *mb, struct message *m);

/* [any thread] From now on mailbox_try_post() refuses everything; twice is once. */
void mailbox_refuse(struct mailbox *mb);

/* [consumer] Clear the wake-up; call when fd is readable, before mailbox_handle(). */
void mailbox_wake(struct mailbox *mb);

/* [consumer] Handle at most `max` messages, in order; returns how many. */
unsigned mailbox_handle(struct mailbox *mb, void *consumer, unsigned max);

/* [consumer] True if mailbox_handle() left some that will cause no further wake-up. */
static inline bool
mailbox_left(const struct mailbox *mb)
{
    return mb->taken != NULL;
}

/* [any thread] Counted messages that wait, or are about to be pushed. */
unsigned mailbox_depth(struct mailbox *mb);
