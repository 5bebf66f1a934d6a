/* The file with the pid. The thread `paths` opens, writes and removes it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/supervisor_job.h"

struct supervisor_pidfile_job {
    struct supervisor_job base;
    struct pidfile file;
    char path[PROTO_FILE_MAX]; /* to open */
};

/* ---- Letting go ------------------------------------------------------------------------------ */

static void
supervisor_pidfile_close_run(struct helper_job *job)
{
    pidfile_close(&container_of(job, struct supervisor_pidfile_job, base.job)->file);
}

static void
supervisor_pidfile_close_done(struct helper_job *job)
{
    free(container_of(job, struct supervisor_pidfile_job, base.job));
}

void
supervisor_close_pidfile(struct supervisor *s, struct pidfile *f)
{
    struct supervisor_pidfile_job *j = f->fd < 0 ? NULL : supervisor_new_job(s, NULL, sizeof(*j));

    if (!j) {
        pidfile_close(f); /* for want of memory here */
        return;
    }
    j->file = *f;
    f->fd = -1;
    supervisor_submit(&j->base, supervisor_pidfile_close_run, supervisor_pidfile_close_done);
}

/* ---- Taking ---------------------------------------------------------------------------------- */

static void
supervisor_pidfile_open_run(struct helper_job *job)
{
    struct supervisor_pidfile_job *j = container_of(job, struct supervisor_pidfile_job, base.job);

    (void)pidfile_open(&j->file, j->path, &j->base.err);
}

static void
supervisor_pidfile_open_done(struct helper_job *job)
{
    struct supervisor_pidfile_job *j = container_of(job, struct supervisor_pidfile_job, base.job);
    struct supervisor *s = j->base.supervisor;
    struct child *c = supervisor_job_starting(&j->base);

    if (c && j->file.fd < 0) {
        supervisor_replied(s, c, supervisor_refuse(c, &j->base.err));
    } else if (c && s->next_pidfile.fd < 0) {
        s->next_pidfile = j->file;
        supervisor_replied(s, c, child_send(c, PROTO_WELCOME, NULL, 0, NULL, 0));
    } else {
        supervisor_close_pidfile(s, &j->file);
    }
    free(j);
}

int
supervisor_on_pid_file(struct supervisor *s, struct child *c, struct proto_pid_file *file)
{
    struct supervisor_pidfile_job *j;

    if (c->state != CHILD_STARTING)
        return 0; /* it has yet to read that it is to stop */
    file->path[PROTO_FILE_MAX - 1] = '\0';
    s->pidfile_wanted = true;
    if (s->pidfile.fd >= 0 && strcmp(s->pidfile.path, file->path) == 0)
        return child_send(c, PROTO_WELCOME, NULL, 0, NULL, 0);
    j = supervisor_new_job(s, c, sizeof(*j));
    if (!j)
        return -ENOMEM;
    j->file.fd = -1;
    snprintf(j->path, sizeof(j->path), "%s", file->path);
    supervisor_submit(&j->base, supervisor_pidfile_open_run, supervisor_pidfile_open_done);
    return 0;
}

void
supervisor_commit_pidfile(struct supervisor *s)
{
    if (s->next_pidfile.fd < 0 && s->pidfile_wanted)
        return;
    supervisor_close_pidfile(s, &s->pidfile);
    s->pidfile = s->next_pidfile;
    s->next_pidfile.fd = -1;
}
