#include "process/helper.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/thread.h"

#define STACK_BYTES ((size_t)256 << 10)

/* ---- The thread ------------------------------------------------------------------------------ */

static void
helper_add(struct helper_job **first, struct helper_job **last, struct helper_job *job)
{
    job->next = NULL;
    if (*first)
        (*last)->next = job;
    else
        *first = job;
    *last = job;
}

/* The job stays the first one while it runs, so that an empty queue means that all is done. */
static void
helper_run_first(struct helper *h)
{
    struct helper_job *job = h->first;

    pthread_mutex_unlock(&h->lock);
    job->run(job);
    pthread_mutex_lock(&h->lock);
    h->first = job->next;
    helper_add(&h->finished, &h->finished_last, job);
    eventfd_write(h->event_fd, 1);
    if (!h->first)
        pthread_cond_broadcast(&h->wake);
}

static void *
helper_main(void *arg)
{
    struct helper *h = arg;

    pthread_mutex_lock(&h->lock);
    while (!h->ends) {
        if (h->first)
            helper_run_first(h);
        else
            pthread_cond_wait(&h->wake, &h->lock);
    }
    pthread_mutex_unlock(&h->lock);
    return NULL;
}

int
helper_start(struct helper *h, const char *name)
{
    struct thread_config config = {name, STACK_BYTES, -1};
    pthread_condattr_t attr;
    int r;

    *h = (struct helper){.event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    if (h->event_fd < 0)
        return -errno;
    pthread_mutex_init(&h->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&h->wake, &attr);
    pthread_condattr_destroy(&attr);
    r = thread_start(&config, helper_main, h, &h->thread);
    h->runs = r == 0;
    return r;
}

/* ---- Jobs ------------------------------------------------------------------------------------ */

void
helper_submit(struct helper *h, struct helper_job *job)
{
    if (!h->runs) {
        job->run(job);
        job->done(job);
        return;
    }
    pthread_mutex_lock(&h->lock);
    helper_add(&h->first, &h->last, job);
    pthread_cond_broadcast(&h->wake);
    pthread_mutex_unlock(&h->lock);
}

struct helper_close {
    struct helper_job job;
    int fd;
};

static void
helper_close_run(struct helper_job *job)
{
    fd_close(container_of(job, struct helper_close, job)->fd);
}

static void
helper_close_done(struct helper_job *job)
{
    free(container_of(job, struct helper_close, job));
}

int
helper_close(struct helper *h, int fd)
{
    struct helper_close *c = fd < 0 ? NULL : malloc(sizeof(*c));

    if (!c)
        return fd_close(fd);
    *c = (struct helper_close){{.run = helper_close_run, .done = helper_close_done}, fd};
    helper_submit(h, &c->job);
    return -1;
}

static void
helper_call_done(struct helper_job *job)
{
    struct helper_job *next;

    for (; job; job = next) {
        next = job->next;
        job->done(job);
    }
}

void
helper_finish(struct helper *h)
{
    struct helper_job *finished;
    eventfd_t ignored;

    if (!h->runs)
        return;
    eventfd_read(h->event_fd, &ignored);
    pthread_mutex_lock(&h->lock);
    finished = h->finished;
    h->finished = NULL;
    pthread_mutex_unlock(&h->lock);
    helper_call_done(finished);
}

bool
helper_stop(struct helper *h, uint64_t timeout_ns)
{
    uint64_t end_ns = clock_now_ns() + timeout_ns;
    struct timespec end = {(time_t)(end_ns / NS_PER_S), (long)(end_ns % NS_PER_S)};
    bool idle;

    if (!h->runs)
        return true;
    pthread_mutex_lock(&h->lock);
    while (h->first && pthread_cond_timedwait(&h->wake, &h->lock, &end) == 0)
        ;
    idle = !h->first;
    h->ends = true;
    pthread_cond_broadcast(&h->wake);
    pthread_mutex_unlock(&h->lock);
    if (!idle)
        return false;
    pthread_join(h->thread, NULL);
    h->event_fd = fd_close(h->event_fd);
    h->runs = false; /* `done` may submit more */
    helper_call_done(h->finished);
    h->finished = NULL;
    return true;
}
