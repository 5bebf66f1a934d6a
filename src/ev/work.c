#include "ev/work.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>

#include "base/thread.h"

/* Jobs of one kind, and their threads. */
struct work_queue {
    struct work_pool *pool;
    const char *name;    /* of its threads */
    pthread_cond_t more; /* something waits, or the pool stops */
    struct work *first, **end;
    unsigned queued, idle; /* jobs that wait for a thread; threads that wait for a job */
    unsigned waiting[WORK_SHARES], running[WORK_SHARES]; /* jobs */
    unsigned running_max;                                /* of one share */
    unsigned count, threads;
    pthread_t *ids;
};

struct work_pool {
    pthread_mutex_t lock; /* of all below */
    unsigned queue_max;
    size_t stack_bytes;
    bool stopped;
    struct work_queue queues[WORK_KINDS];
};

static const char *const work_names[WORK_KINDS] = {
    [WORK_JOBS] = "work",   [WORK_COMPUTE] = "compute", [WORK_FILES] = "files",
    [WORK_NAMES] = "names", [WORK_LOGS] = "logs",
};

/* ---- There and back -------------------------------------------------------------------------- */

static void
work_handle(struct message *m, void *consumer)
{
    struct work *w = container_of(m, struct work, message);

    (void)consumer;
    metric_add(&w->poller->metrics->work_pending[w->kind], (uint64_t)-1);
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

static void
work_queue_add(struct work_queue *q, struct work *w)
{
    w->next = NULL;
    *q->end = w;
    q->end = &w->next;
    q->queued++;
    q->waiting[w->share]++;
}

/* The first whose share has a thread left; NULL if there is none. */
static struct work *
work_queue_take(struct work_queue *q)
{
    struct work **at = &q->first, *w;

    while (*at && q->running[(*at)->share] >= q->running_max)
        at = &(*at)->next;
    w = *at;
    if (!w)
        return NULL;
    *at = w->next;
    if (!*at)
        q->end = at;
    q->queued--;
    q->waiting[w->share]--;
    q->running[w->share]++;
    return w;
}

/* ---- Threads --------------------------------------------------------------------------------- */

/* The next job; NULL when the pool stops. */
static struct work *
work_take(struct work_queue *q, const struct work *ended)
{
    struct work *w = NULL;

    pthread_mutex_lock(&q->pool->lock);
    if (ended)
        q->running[ended->share]--;
    while (!q->pool->stopped && !(w = work_queue_take(q))) {
        q->idle++;
        pthread_cond_wait(&q->more, &q->pool->lock);
        q->idle--;
    }
    pthread_mutex_unlock(&q->pool->lock);
    return w;
}

static void *
work_thread_main(void *arg)
{
    static _Thread_local struct place place;
    struct work_queue *q = arg;
    struct work *w, ended;

    place_here = &place;
    for (w = work_take(q, NULL); w; w = work_take(q, &ended)) {
        ended.share = w->share;
        work_return(w, w->run(w)); /* it is its poller's now */
    }
    return NULL;
}

static int
work_spawn(struct work_queue *q)
{
    char name[16];
    struct thread_config config = {name, q->pool->stack_bytes, -1};
    int r;

    snprintf(name, sizeof(name), "%s/%u", q->name, q->count);
    r = thread_start(&config, work_thread_main, q, &q->ids[q->count]);
    q->count += r == 0;
    return r;
}

/* Is a thread missing, and may there be another? */
static bool
work_wants_thread(const struct work_queue *q)
{
    return q->queued >= q->idle && q->count < q->threads;
}

int
work_submit(struct work_pool *pool, struct work *w)
{
    struct work_queue *q = &pool->queues[w->kind];
    struct poller_metrics *metrics = w->poller->metrics;
    int r = 0;

    pthread_mutex_lock(&pool->lock);
    if (pool->stopped)
        r = -ECANCELED;
    else if (q->waiting[w->share] == pool->queue_max)
        r = -EAGAIN;
    else if (work_wants_thread(q) && work_spawn(q) < 0 && q->count == 0)
        r = -EAGAIN;
    if (r == 0) {
        work_queue_add(q, w);
        pthread_cond_signal(&q->more);
    }
    pthread_mutex_unlock(&pool->lock);
    metric_add(r == 0 ? &metrics->work_pending[w->kind] : &metrics->work_refused[w->kind], 1);
    return r;
}

/* ---- Life ------------------------------------------------------------------------------------ */

static int
work_queue_init(struct work_queue *q, struct work_pool *pool, const char *name, unsigned threads)
{
    q->pool = pool;
    q->name = name;
    q->end = &q->first;
    q->threads = threads;
    q->running_max = threads - threads / 4;
    q->ids = calloc(MAX(threads, 1), sizeof(*q->ids));
    pthread_cond_init(&q->more, NULL);
    return q->ids ? 0 : -ENOMEM;
}

int
work_pool_new(const struct work_pool_config *config, struct work_pool **ret, struct err *reterr)
{
    struct work_pool *pool = calloc(1, sizeof(*pool));
    int r = 0;

    if (!pool)
        return err_set(reterr, -ENOMEM, "no memory for the work pool");
    pthread_mutex_init(&pool->lock, NULL);
    pool->queue_max = config->queue_max;
    pool->stack_bytes = config->stack_bytes;
    for (unsigned i = 0; i < WORK_KINDS; i++)
        if (work_queue_init(&pool->queues[i], pool, work_names[i], config->threads[i]) < 0)
            r = -ENOMEM;
    if (r < 0) {
        work_pool_free(pool);
        return err_set(reterr, r, "no memory for the work pool");
    }
    *ret = pool;
    return 0;
}

/* Take all waiting jobs off the queue. */
static struct work *
work_queue_empty(struct work_queue *q)
{
    struct work *first = q->first;

    q->first = NULL;
    q->end = &q->first;
    q->queued = 0;
    pthread_cond_broadcast(&q->more);
    return first;
}

static void
work_queue_stop(struct work_queue *q)
{
    struct work *w;

    pthread_mutex_lock(&q->pool->lock);
    q->pool->stopped = true;
    w = work_queue_empty(q);
    pthread_mutex_unlock(&q->pool->lock);
    while (w) {
        struct work *next = w->next;

        work_return(w, -ECANCELED);
        w = next;
    }
}

void
work_pool_stop(struct work_pool *pool)
{
    if (!pool)
        return;
    for (unsigned i = 0; i < WORK_KINDS; i++)
        work_queue_stop(&pool->queues[i]);
    for (unsigned i = 0; i < WORK_KINDS; i++)
        while (pool->queues[i].count > 0)
            pthread_join(pool->queues[i].ids[--pool->queues[i].count], NULL);
}

void
work_pool_free(struct work_pool *pool)
{
    if (!pool)
        return;
    for (unsigned i = 0; i < WORK_KINDS; i++) {
        assert(pool->queues[i].count == 0 && !pool->queues[i].first);
        pthread_cond_destroy(&pool->queues[i].more);
        free(pool->queues[i].ids);
    }
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}
