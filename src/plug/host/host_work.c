/* Jobs of plugins on the work pool, and their way back to the connection that asked for them. */
#include <errno.h>

#include "ev/work.h"
#include "plug/host/host_parts.h"

#define LINES 64

/* Ordered jobs, by connection: the first of each stands in one of these lines, and behind it, in
 * the order in which they are to come back, stand the others. */
struct job_lines {
    struct job *first[LINES];
};

struct job {
    struct work work;
    struct instance *instance;
    uint64_t conn_id;
    struct job *behind; /* the next of its connection */
    struct job *last;   /* of a first one: the last of its connection, */
    struct job *beside; /* ... and the next connection's first, in its line */
    bool ordered;
    bool ended;
    int result;
    goevd_job_fn run;
    goevd_done_fn done;
    void *arg;
};

static int
job_run(struct work *w)
{
    struct job *job = container_of(w, struct job, work);

    int result;

    place_enter(place_here, &job->instance->owner, "job", job->conn_id);
    result = job->run(job->arg);
    place_leave(place_here);
    return result;
}

static void
job_tell(struct job *job, struct poller *p)
{
    struct conn *c = host_conn_find(job->instance, p, job->conn_id);

    if (c) {
        conn_enter(c, "done of a job");
        job->done(conn_public(c), job->arg, job->result);
        conn_leave(c);
    } else {
        place_enter(place_here, &job->instance->owner, "done of a job", 0);
        job->done(NULL, job->arg, job->result);
        place_leave(place_here);
    }
    message_free(job, sizeof(*job));
}

/* ---- In order -------------------------------------------------------------------------------- */

static struct job **
job_line(const struct job *job, struct poller *p)
{
    struct job_lines **lines = &job->instance->plugins->lines[p->index];

    if (!*lines)
        *lines = calloc(1, sizeof(**lines));
    if (!*lines)
        return NULL;
    return &(*lines)->first[job->conn_id * UINT64_C(0x9e3779b97f4a7c15) >> 58];
}

/* The first of its connection, or the end of the line. */
static struct job **
job_head(struct job **line, uint64_t conn_id)
{
    while (*line && (*line)->conn_id != conn_id)
        line = &(*line)->beside;
    return line;
}

static void
job_queue(struct job **line, struct job *job)
{
    struct job **head = job_head(line, job->conn_id);

    if (*head) {
        (*head)->last->behind = job;
        (*head)->last = job;
    } else {
        job->last = job;
        *head = job;
    }
}

static struct job *
job_unqueue(struct job **head)
{
    struct job *job = *head, *next = job->behind;

    if (next) {
        next->last = job->last;
        next->beside = job->beside;
    }
    *head = next ? next : job->beside;
    return job;
}

static void
job_tell_in_order(struct job *ended, struct poller *p)
{
    struct job **line = job_line(ended, p), **head;
    uint64_t conn_id = ended->conn_id;

    while (*(head = job_head(line, conn_id)) && (*head)->ended)
        job_tell(job_unqueue(head), p);
}

/* ---- There and back -------------------------------------------------------------------------- */

static void
job_done(struct work *w, int result)
{
    struct job *job = container_of(w, struct job, work);

    job->result = result;
    job->ended = true;
    if (job->ordered)
        job_tell_in_order(job, w->poller);
    else
        job_tell(job, w->poller);
}

static uint8_t
job_kind(unsigned flags)
{
    if (flags & GOEVD_SUBMIT_COMPUTE)
        return WORK_COMPUTE;
    return flags & GOEVD_SUBMIT_FILES ? WORK_FILES : WORK_JOBS;
}

int
host_submit(struct goevd_self *self, struct goevd_poller *poller, uint64_t conn_id, unsigned flags,
            goevd_job_fn run, goevd_done_fn done, void *arg)
{
    struct poller *p = host_poller(poller);
    struct instance *i = host_self(self);
    struct job *job, **line = NULL;
    int r;

    if (conn_id && slots_id_poller(conn_id) != p->index)
        return -EINVAL;
    job = message_new(sizeof(*job));
    if (!job)
        return -ENOMEM;
    *job = (struct job){.work = {.run = job_run,
                                 .done = job_done,
                                 .poller = p,
                                 .kind = job_kind(flags),
                                 .share = work_share((uintptr_t)i)},
                        .instance = i,
                        .conn_id = conn_id,
                        .ordered = flags & GOEVD_SUBMIT_ORDERED,
                        .run = run,
                        .done = done,
                        .arg = arg};
    if (job->ordered)
        line = job_line(job, p);
    r = job->ordered && !line ? -ENOMEM : work_submit(i->plugins->work, &job->work);
    if (r < 0)
        message_free(job, sizeof(*job));
    else if (line)
        job_queue(line, job); /* its end comes to this thread, and so not before */
    return r;
}
