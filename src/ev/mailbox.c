#include "ev/mailbox.h"

#include <assert.h>
#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/fd.h"

/* In `counted`, beside the number: nothing that counts comes in any more. */
#define REFUSED (1u << 31)

int
mailbox_init(struct mailbox *mb, unsigned limit, struct err *reterr)
{
    *mb = (struct mailbox){.limit = limit};
    mb->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (mb->fd < 0)
        return err_set_errno(reterr, -errno, "cannot make an eventfd for a mailbox");
    return 0;
}

void
mailbox_fini(struct mailbox *mb, void *consumer)
{
    while (mailbox_handle(mb, consumer, UINT32_MAX) > 0)
        ;
    mb->fd = fd_close(mb->fd);
}

static void
mailbox_push(struct mailbox *mb, struct message *m)
{
    struct message *top = atomic_load_explicit(&mb->top, memory_order_relaxed);
    uint64_t one = 1;

    do
        m->next = top;
    while (!atomic_compare_exchange_weak_explicit(&mb->top, &top, m, memory_order_release,
                                                  memory_order_relaxed));
    /* eventfd(2): a write of 1 can only block at a count of 2^64 - 2. */
    if (!top)
        while (write(mb->fd, &one, sizeof(one)) < 0)
            assert(errno == EINTR || errno == EAGAIN);
}

void
mailbox_post(struct mailbox *mb, struct message *m)
{
    m->counted = false;
    mailbox_push(mb, m);
}

int
mailbox_try_post(struct mailbox *mb, struct message *m)
{
    unsigned before = atomic_fetch_add_explicit(&mb->counted, 1, memory_order_relaxed);

    if (before >= mb->limit) {
        atomic_fetch_sub_explicit(&mb->counted, 1, memory_order_relaxed);
        return before & REFUSED ? -ECANCELED : -EAGAIN;
    }
    m->counted = true;
    mailbox_push(mb, m);
    return 0;
}

void
mailbox_refuse(struct mailbox *mb)
{
    atomic_fetch_or_explicit(&mb->counted, REFUSED, memory_order_relaxed);
}

unsigned
mailbox_depth(struct mailbox *mb)
{
    return atomic_load_explicit(&mb->counted, memory_order_relaxed) & ~REFUSED;
}

void
mailbox_wake(struct mailbox *mb)
{
    uint64_t count;

    /* The rest is handled without a look at the stack, because the wake-up for that must stay. */
    if (mb->taken)
        return;
    while (read(mb->fd, &count, sizeof(count)) < 0 && errno == EINTR)
        ;
}

/* Take all that producers have pushed, first come first. */
static struct message *
mailbox_take(struct mailbox *mb)
{
    struct message *m = atomic_exchange_explicit(&mb->top, NULL, memory_order_acquire);
    struct message *first = NULL;

    while (m) {
        struct message *next = m->next;

        m->next = first;
        first = m;
        m = next;
    }
    return first;
}

unsigned
mailbox_handle(struct mailbox *mb, void *consumer, unsigned max)
{
    unsigned n = 0;

    if (!mb->taken)
        mb->taken = mailbox_take(mb);
    while (mb->taken && n < max) {
        struct message *m = mb->taken;

        mb->taken = m->next;
        if (m->counted)
            atomic_fetch_sub_explicit(&mb->counted, 1, memory_order_relaxed);
        m->fn(m, consumer);
        n++;
    }
    return n;
}
