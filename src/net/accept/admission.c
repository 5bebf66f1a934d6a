#include "net/accept/admission.h"

#include <errno.h>
#include <stdlib.h>

enum admission_state {
    ADMISSION_IDLE,
    ADMISSION_WAITING,
    ADMISSION_WOKEN, /* its message is on its way */
};

int
admission_init(struct admission *a, unsigned waiters)
{
    a->waiters = calloc(waiters, sizeof(*a->waiters));
    a->waiter_count = a->waiters ? waiters : 0;
    return a->waiters || waiters == 0 ? 0 : -ENOMEM;
}

void
admission_fini(struct admission *a)
{
    free(a->waiters);
    a->waiters = NULL;
}

/* It never counts too many, not even for a moment: another poller would find no place where there
 * is one, and no poller would wake it. */
bool
admission_claim(struct admission *a)
{
    unsigned count = atomic_load_explicit(&a->count, memory_order_relaxed);

    do
        if (count >= atomic_load_explicit(&a->max, memory_order_relaxed))
            return false;
    while (!atomic_compare_exchange_weak(&a->count, &count, count + 1));
    return true;
}

/* ---- Waking ---------------------------------------------------------------------------------- */

static void
admission_woken(struct message *m, void *consumer)
{
    struct admission_waiter *w = container_of(m, struct admission_waiter, message);

    (void)consumer;
    atomic_store(&w->state, ADMISSION_IDLE);
    w->fn(w);
}

static bool
admission_wake_one(struct admission *a, struct admission_waiter *w)
{
    int state = ADMISSION_WAITING;

    if (!atomic_compare_exchange_strong(&w->state, &state, ADMISSION_WOKEN))
        return false;
    atomic_fetch_sub(&a->waiting, 1);
    w->message = (struct message){.fn = admission_woken};
    mailbox_post(&w->poller->mailbox, &w->message);
    return true;
}

/* One place is for one of them. If its queue is empty it gives the place back, which wakes
 * the next. */
void
admission_wake(struct admission *a)
{
    unsigned next;

    if (likely(atomic_load(&a->waiting) == 0))
        return;
    next = atomic_fetch_add(&a->next, 1);
    for (unsigned i = 0; i < a->waiter_count; i++)
        if (admission_wake_one(a, &a->waiters[(next + i) % a->waiter_count]))
            return;
}

void
admission_release(struct admission *a)
{
    atomic_fetch_sub(&a->count, 1);
    admission_wake(a);
}

/* A place that came free before it waited woke no poller. */
void
admission_wait(struct admission *a, struct admission_waiter *w)
{
    int state = ADMISSION_IDLE;

    if (!atomic_compare_exchange_strong(&w->state, &state, ADMISSION_WAITING))
        return;
    atomic_fetch_add(&a->waiting, 1);
    if (atomic_load(&a->count) < atomic_load(&a->max))
        admission_wake(a);
}

void
admission_leave(struct admission *a, struct admission_waiter *w)
{
    int state = ADMISSION_WAITING;

    if (atomic_compare_exchange_strong(&w->state, &state, ADMISSION_IDLE))
        atomic_fetch_sub(&a->waiting, 1);
}
