#include "ev/work.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>

#include "base/thread.h"

struct work_pool {
    pthread_mutex_t lock; /* of all below */
    pthread_cond_t more;  /* something waits, or the pool stops */
    struct work *first, **end;
    unsigned queued;
    unsigned queue_max;
    bool stopped;
    unsigned count;
    pthread_t threads[];
};

static void
work_handle(struct message *m, void *consumer)
{
    struct work *w = container_of(m, struct work, message);

    (void)consumer;
    w->done(w, w->result);
}

/* Home to its poller, whose mailbox cannot refuse it. */
static void
work_return(struct work *w, int result)
{
    w->result = result;
    w->message = (struct message){.fn = work_handle};
    mailbox_post(&w->poller->mailbox, &w->message);
}

int
work_submit(struct work_pool *pool, struct work *w)
{
    int r = 0;

    w->next = NULL;
    pthread_mutex_lock(&pool->lock);
    if (pool->stopped) {
        r = -ECANCELED;
    } else if (pool->queued == pool->queue_max) {
        r = -EAGAIN;
    } else {
        *pool->end = w;
        pool->end = &w->next;
        pool->queued++;
        pthread_cond_signal(&pool->more);
    }
    pthread_mutex_unlock(&pool->lock);
    return r;
}

/* The next job; NULL when the pool stops. */
static struct work *
work_take(struct work_pool *pool)
{
    struct work *w;

    pthread_mutex_lock(&pool->lock);
    while (!pool->first && !pool->stopped)
        pthread_cond_wait(&pool->more, &pool->lock);
    w = pool->first;
    if (w) {
        pool->first = w->next;
        pool->queued--;
        if (!pool->first)
            pool->end = &pool->first;
    }
    pthread_mutex_unlock(&pool->lock);
    return w;
}

static void *
work_thread_main(void *arg)
{
    static _Thread_local struct place place;
    struct work *w;

    place_here = &place;
    while ((w = work_take(arg)))
        work_return(w, w->run(w));
    return NULL;
}

static int
work_spawn(struct work_pool *pool, size_t stack_bytes)
{
    char name[16];
    struct thread_config config = {name, stack_bytes, -1};
    int r;

    snprintf(name, sizeof(name), "work/%u", pool->count);
    r = thread_start(&config, work_thread_main, pool, &pool->threads[pool->count]);
    pool->count += r == 0;
    return r;
}

int
work_pool_new(const struct work_pool_config *config, struct work_pool **ret, struct err *reterr)
{
    struct work_pool *pool = calloc(1, sizeof(*pool) + config->threads * sizeof(*pool->threads));
    int r = 0;

    if (!pool)
        return err_set(reterr, -ENOMEM, "no memory for the work pool");
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->more, NULL);
    pool->end = &pool->first;
    pool->queue_max = config->queue_max;
    for (unsigned i = 0; i < config->threads && r == 0; i++)
        r = work_spawn(pool, config->stack_bytes);
    if (r < 0) {
        err_set_errno(reterr, r, "cannot start thread %u of the work pool", pool->count);
        work_pool_stop(pool);
        work_pool_free(pool);
        return r;
    }
    *ret = pool;
    return 0;
}

void
work_pool_stop(struct work_pool *pool)
{
    struct work *w;

    if (!pool)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->stopped = true;
    w = pool->first;
    pool->first = NULL;
    pool->end = &pool->first;
    pool->queued = 0;
    pthread_cond_broadcast(&pool->more);
    pthread_mutex_unlock(&pool->lock);
    while (w) {
        struct work *next = w->next;

        work_return(w, -ECANCELED);
        w = next;
    }
    while (pool->count > 0)
        pthread_join(pool->threads[--pool->count], NULL);
}

void
work_pool_free(struct work_pool *pool)
{
    if (!pool)
        return;
    assert(pool->count == 0 && !pool->first);
    pthread_cond_destroy(&pool->more);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}
