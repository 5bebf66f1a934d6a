#include "ev/reactor.h"

#include <assert.h>
#include <errno.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/cpus.h"
#include "base/thread.h"

#define POLLERS_FEW 8 /* whose loads are all read for each connection */

struct reactor_thread {
    struct reactor *reactor;
    struct poller *poller;
    pthread_t thread;
    bool running;
    _Atomic pid_t tid; /* 0: it has ended */
    int result;
    struct err err;
    sem_t started;
};

/* ---- Where pollers run ----------------------------------------------------------------------- */

static void
reactor_place(struct reactor *r, const struct reactor_config *config, const unsigned *allowed,
              unsigned allowed_count)
{
    bool pin = config->cpus == REACTOR_CPUS_AUTO && r->count == allowed_count;

    assert(r->pollers);
    for (unsigned i = 0; i < r->count; i++) {
        struct poller *p = r->pollers[i];

        assert(p);
        if (config->cpus == REACTOR_CPUS_LIST)
            p->cpu = (int)config->cpu_list[i % config->cpu_count];
        else if (pin)
            p->cpu = (int)allowed[i];
    }
}

/* ---- Making and freeing ---------------------------------------------------------------------- */

int
reactor_new(const struct reactor_config *config, struct reactor **ret, struct err *reterr)
{
    unsigned allowed[POLLERS_MAX];
    unsigned allowed_count = cpus_allowed(allowed, POLLERS_MAX);
    unsigned count = config->pollers ? config->pollers : MIN(cpus_usable(), POLLERS_MAX);
    struct reactor *r = calloc(1, sizeof(*r));
    int error = 0;

    if (!r)
        return err_set(reterr, -ENOMEM, "no memory for reactor %s", config->name);
    snprintf(r->name, sizeof(r->name), "%s", config->name);
    r->stack_bytes = config->stack_bytes;
    r->pollers = calloc(count, sizeof(*r->pollers));
    r->threads = calloc(count, sizeof(*r->threads));
    if (!r->pollers || !r->threads)
        error = err_set(reterr, -ENOMEM, "no memory for reactor %s", config->name);
    for (; error == 0 && r->count < count; r->count++) {
        error = poller_new(&config->poller, &r->pollers[r->count], reterr);
        if (error < 0)
            break;
    }
    if (error < 0) {
        reactor_free(r);
        return error;
    }
    reactor_place(r, config, allowed, allowed_count);
    *ret = r;
    return 0;
}

void
reactor_free(struct reactor *r)
{
    if (!r)
        return;
    for (unsigned i = 0; i < r->count; i++)
        poller_free(r->pollers[i]);
    free(r->pollers);
    free(r->threads);
    free(r);
}

/* ---- Threads --------------------------------------------------------------------------------- */

static void *
reactor_thread_main(void *arg)
{
    struct reactor_thread *t = arg;
    struct reactor *r = t->reactor;

    poller_current = t->poller;
    place_here = &t->poller->place;
    place_rest(place_here, false);
    atomic_store(&t->tid, gettid());
    t->poller->now_ns = clock_now_ns(); /* it may have been made long ago */
    if (r->start)
        t->result = r->start(t->poller, r->arg, &t->err);
    sem_post(&t->started);
    if (t->result == 0) {
        poller_run(t->poller);
        if (r->stop)
            r->stop(t->poller, r->arg);
    }
    atomic_store(&t->tid, 0);
    place_rest(place_here, true);
    poller_current = NULL;
    return NULL;
}

/* "main/0", cut so that the number stays: the kernel keeps 15 bytes. */
static int
reactor_spawn(struct reactor *r, unsigned i, struct err *reterr)
{
    struct reactor_thread *t = &r->threads[i];
    char name[REACTOR_NAME_MAX + 16];
    struct thread_config config = {name, r->stack_bytes, r->pollers[i]->cpu};
    int error;

    t->reactor = r;
    t->poller = r->pollers[i];
    sem_init(&t->started, 0, 0);
    snprintf(name, sizeof(name), "%.11s/%u", r->name, i);
    error = thread_start(&config, reactor_thread_main, t, &t->thread);
    if (error == -EINVAL && t->poller->cpu >= 0)
        return err_set(
            reterr, error,
            "reactor %s: poller %u cannot run on CPU %d: goevd may not, or there is none; "
            "choose others with cpus",
            r->name, i, t->poller->cpu);
    if (error < 0)
        return err_set_errno(reterr, error, "cannot start poller %u of reactor %s on CPU %d", i,
                             r->name, t->poller->cpu);
    t->running = true;
    return 0;
}

static int
reactor_await(struct reactor_thread *t, struct err *reterr)
{
    while (sem_wait(&t->started) < 0)
        ;
    if (t->result < 0) {
        pthread_join(t->thread, NULL);
        t->running = false;
        err_set(reterr, t->result, "%s", t->err.text);
    }
    return t->result;
}

int
reactor_start(struct reactor *r, reactor_start_fn start, reactor_stop_fn stop, void *arg,
              struct err *reterr)
{
    int error = 0;

    r->start = start;
    r->stop = stop;
    r->arg = arg;
    for (unsigned i = 0; i < r->count && error == 0; i++) {
        error = reactor_spawn(r, i, reterr);
        if (error == 0)
            error = reactor_await(&r->threads[i], reterr);
    }
    if (error < 0)
        reactor_stop(r);
    return error;
}

/* ---- Calls ----------------------------------------------------------------------------------- */

struct reactor_call {
    struct message message;
    reactor_call_fn fn;
    void *arg;
    sem_t done;
};

static void
reactor_call_handle(struct message *m, void *consumer)
{
    struct reactor_call *call = container_of(m, struct reactor_call, message);

    call->fn(consumer, call->arg);
    sem_post(&call->done);
}

static void
reactor_call_post(struct reactor *r, unsigned i, struct reactor_call *call)
{
    call->message.fn = reactor_call_handle;
    sem_init(&call->done, 0, 0);
    mailbox_post(&r->pollers[i]->mailbox, &call->message);
}

static void
reactor_call_wait(struct reactor_call *call)
{
    while (sem_wait(&call->done) < 0)
        ;
    sem_destroy(&call->done);
}

void
reactor_call(struct reactor *r, reactor_call_fn fn, void *arg)
{
    struct reactor_call calls[POLLERS_MAX];

    assert(!poller_current && r->count <= POLLERS_MAX);
    for (unsigned i = 0; i < r->count; i++) {
        calls[i] = (struct reactor_call){.fn = fn, .arg = arg};
        if (r->threads[i].running)
            reactor_call_post(r, i, &calls[i]);
    }
    for (unsigned i = 0; i < r->count; i++)
        if (r->threads[i].running)
            reactor_call_wait(&calls[i]);
}

void
reactor_call_one(struct reactor *r, unsigned i, reactor_call_fn fn, void *arg)
{
    struct reactor_call call = {.fn = fn, .arg = arg};

    assert(!poller_current);
    if (!r->threads[i].running)
        return;
    reactor_call_post(r, i, &call);
    reactor_call_wait(&call);
}

static void
reactor_stop_poller(struct poller *p, void *arg)
{
    (void)arg;
    poller_stop(p);
}

int
reactor_signal(struct reactor *r, unsigned i, int signo)
{
    pid_t tid = atomic_load(&r->threads[i].tid);

    if (!tid)
        return -ESRCH;
    return tgkill(getpid(), tid, signo) < 0 ? -errno : 0;
}

void
reactor_stop(struct reactor *r)
{
    reactor_call(r, reactor_stop_poller, NULL);
    for (unsigned i = 0; i < r->count; i++) {
        if (!r->threads[i].running)
            continue;
        pthread_join(r->threads[i].thread, NULL);
        sem_destroy(&r->threads[i].started);
        r->threads[i].running = false;
    }
    for (unsigned i = 0; i < r->count; i++)
        poller_drain(r->pollers[i]);
}

struct poller *
reactor_least_loaded(const struct reactor *r)
{
    struct poller *least = r->pollers[0];
    int load = poller_load(least);

    for (unsigned i = 1; i < r->count; i++)
        if (poller_load(r->pollers[i]) < load) {
            least = r->pollers[i];
            load = poller_load(least);
        }
    return least;
}

/* xorshift64, Marsaglia 2003. */
static struct poller *
reactor_any(const struct reactor *r, uint64_t *random)
{
    uint64_t x = *random;

    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    *random = x;
    return r->pollers[(x >> 32) * r->count >> 32];
}

struct poller *
reactor_less_loaded(const struct reactor *r, uint64_t *random)
{
    struct poller *one, *other;

    if (r->count <= POLLERS_FEW)
        return reactor_least_loaded(r);
    one = reactor_any(r, random);
    other = reactor_any(r, random);
    return poller_load(other) < poller_load(one) ? other : one;
}
