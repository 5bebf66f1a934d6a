#include "supervisor/supervisor_job.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"

void *
supervisor_new_job(struct supervisor *s, struct child *c, size_t size)
{
    struct supervisor_job *j = calloc(1, size);

    if (!j)
        return NULL;
    j->supervisor = s;
    j->child = c;
    j->number = c ? c->number : 0;
    j->fd = -1;
    return j;
}

static void
supervisor_job_done(struct helper_job *job)
{
    struct supervisor_job *j = container_of(job, struct supervisor_job, job);
    struct child *c = supervisor_job_child(j);

    if (c)
        c->held_ns = 0;
    j->done(job);
}

void
supervisor_submit(struct supervisor_job *j, void (*run)(struct helper_job *job),
                  void (*done)(struct helper_job *job))
{
    struct child *c = supervisor_job_starting(j);

    j->job.run = run;
    j->job.done = supervisor_job_done;
    j->done = done;
    if (c)
        c->held_ns = clock_now_ns();
    helper_submit(&j->supervisor->paths, &j->job);
}

struct child *
supervisor_job_child(const struct supervisor_job *j)
{
    struct child *c = j->child;

    return c && c->state != CHILD_NONE && c->number == j->number ? c : NULL;
}

struct child *
supervisor_job_starting(const struct supervisor_job *j)
{
    struct child *c = supervisor_job_child(j);

    return c && c->state == CHILD_STARTING ? c : NULL;
}

void
supervisor_replied(struct supervisor *s, struct child *c, int r)
{
    if (r == -EAGAIN)
        log_error("worker %d does not read what it has asked for", (int)c->pid);
    if (r < 0) /* its end comes as SIGCHLD */
        child_hang_up(c, &s->closer);
}
