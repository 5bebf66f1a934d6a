/* The files that plugins add lines to: the supervisor opens them, for a worker that may not be root
 * any more. A worker requests them while it starts, before it accepts clients. Later it can get
 * only the same files again. */
#include <errno.h>

#include "base/fd.h"
#include "supervisor/supervisor_job.h"

struct supervisor_file_job {
    struct supervisor_job base;
    struct proto_file file;
    unsigned nth; /* of the worker's files */
};

static void
supervisor_file_run(struct helper_job *job)
{
    struct supervisor_file_job *j = container_of(job, struct supervisor_file_job, base.job);

    j->base.fd = logfile_open(j->file.option, j->file.path, &j->base.err);
}

static struct supervisor_file_job *
supervisor_new_file_job(struct supervisor *s, struct child *c, unsigned nth)
{
    struct supervisor_file_job *j = supervisor_new_job(s, c, sizeof(*j));

    if (!j)
        return NULL;
    j->file = *c->files[nth];
    j->nth = nth;
    return j;
}

/* ---- The request of a worker ----------------------------------------------------------------- */

static void
supervisor_file_done(struct helper_job *job)
{
    struct supervisor_file_job *j = container_of(job, struct supervisor_file_job, base.job);
    struct supervisor *s = j->base.supervisor;
    struct child *c = supervisor_job_starting(&j->base);

    if (c && j->base.fd < 0)
        supervisor_replied(s, c, supervisor_refuse(c, &j->base.err));
    else if (c)
        supervisor_replied(s, c, child_send(c, PROTO_WELCOME, NULL, 0, &j->base.fd, 1));
    helper_close(&s->paths, j->base.fd);
    free(j);
}

/* It is asked to send it again: the path and its option, in this order. */
int
supervisor_on_file(struct supervisor *s, struct child *c, const struct proto_file *file)
{
    struct supervisor_file_job *j;
    struct proto_file *kept;

    if (c->state != CHILD_STARTING)
        return 0; /* it has yet to read that it is to stop */
    if (c->file_count == PROTO_FILES_MAX)
        return -EPROTO;
    kept = malloc(sizeof(*kept));
    if (!kept)
        return -ENOMEM;
    *kept = *file;
    kept->option[PROTO_NAME_MAX - 1] = kept->path[PROTO_FILE_MAX - 1] = '\0';
    c->files[c->file_count++] = kept;
    j = supervisor_new_file_job(s, c, c->file_count - 1);
    if (!j)
        return -ENOMEM;
    supervisor_submit(&j->base, supervisor_file_run, supervisor_file_done);
    return 0;
}

/* ---- Reopening ------------------------------------------------------------------------------- */

/* A file that cannot be opened is logged and skipped. */
static void
supervisor_send_file(struct supervisor *s, struct child *c, const struct supervisor_file_job *j)
{
    struct proto_file_new new = {.nth = j->nth};
    int r = c->fd < 0 ? -EPIPE : 0;

    if (j->base.fd < 0)
        supervisor_reopen_failed(s, &j->base.err);
    else if (r == 0)
        r = proto_try_send(c->fd, PROTO_FILE_NEW, &new, sizeof(new), &j->base.fd, 1);
    if (r < 0 || j->base.fd < 0)
        c->log_sent -= c->log_sent > 0; /* it confirms none */
    if (r == -EAGAIN)
        c->files_due = true; /* all of them again, when it reads */
    supervisor_reply_reopened(s);
}

static void
supervisor_file_again_done(struct helper_job *job)
{
    struct supervisor_file_job *j = container_of(job, struct supervisor_file_job, base.job);
    struct child *c = supervisor_job_child(&j->base);

    if (c)
        supervisor_send_file(j->base.supervisor, c, j);
    helper_close(&j->base.supervisor->paths, j->base.fd);
    free(j);
}

void
supervisor_send_files(struct supervisor *s, struct child *c)
{
    c->files_due = false;
    for (unsigned i = 0; c->fd >= 0 && i < c->file_count; i++) {
        struct supervisor_file_job *j = supervisor_new_file_job(s, c, i);

        if (!j)
            continue;
        c->log_sent++;
        supervisor_submit(&j->base, supervisor_file_run, supervisor_file_again_done);
    }
}

/* Whether there are any. */
bool
supervisor_reopen_files(struct supervisor *s)
{
    bool any = false;

    for (size_t i = 0; i < ARRAY_LEN(s->children); i++) {
        struct child *c = &s->children[i];

        any |= c->file_count > 0;
        if (c->file_count > 0 && c->state == CHILD_STARTING)
            c->files_due = true;
        else if (c->file_count > 0)
            supervisor_send_files(s, c);
    }
    return any;
}
