#include <errno.h>

#include "net/connect/pool_parts.h"

static void
pool_waiter_told(struct message *m, void *consumer)
{
    struct pool_waiter *w = container_of(m, struct pool_waiter, message);

    w->fn(w, consumer);
}

void
pool_tell(struct pool_waiter *w, struct pool_link *link, int result)
{
    metric_add(link ? &w->pool->metrics.acquired : &w->pool->metrics.failed, 1);
    w->link = link;
    w->result = result;
    w->message = (struct message){.fn = pool_waiter_told};
    mailbox_post(&w->poller->mailbox, &w->message);
}

static void
pool_unqueue(struct pool *pool, struct pool_waiter *w)
{
    *(w->prev ? &w->prev->next : &pool->next_waiter) = w->next;
    *(w->next ? &w->next->prev : &pool->last_waiter) = w->prev;
    timer_cancel(&pool->home->timers, &w->timer);
    pool->waiting--;
}

static void
pool_waited_long(struct timer *t, uint64_t now_ns)
{
    struct pool_waiter *w = container_of(t, struct pool_waiter, timer);

    (void)now_ns;
    pool_unqueue(w->pool, w);
    pool_count(w->pool);
    pool_tell(w, NULL, w->pool->failures > 0 ? w->pool->error : -ETIMEDOUT);
}

int
pool_queue(struct pool *pool, struct pool_waiter *w)
{
    int r;

    if (pool->waiting == pool->config.waiting_max)
        return -EAGAIN;
    w->timer = (struct timer){.fn = pool_waited_long};
    r = poller_arm(pool->home, &w->timer, w->timeout_ns);
    if (r < 0)
        return r;
    w->next = NULL;
    w->prev = pool->last_waiter;
    *(w->prev ? &w->prev->next : &pool->next_waiter) = w;
    pool->last_waiter = w;
    pool->waiting++;
    return 0;
}

void
pool_tell_first(struct pool *pool, struct pool_link *link, int result)
{
    struct pool_waiter *w = pool->next_waiter;

    pool_unqueue(pool, w);
    pool_tell(w, link, result);
}
