/* The log: the supervisor opens its file, for itself and for the workers. The thread `paths` opens
 * and closes files, and changes to them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "supervisor/supervisor_job.h"

#define REOPENS_MAX 16 /* that wait for a file system that hangs */

/* ---- The request of a worker ----------------------------------------------------------------- */

static bool
supervisor_log_is(const struct supervisor_log *log, const struct proto_log *how)
{
    return log->fd >= 0 && how->target == LOG_TO_FILE && strcmp(log->how.path, how->path) == 0;
}

struct supervisor_log_job {
    struct supervisor_job base;
    struct proto_log how;
    char why[PROTO_TEXT_MAX]; /* it is reopened */
};

static void
supervisor_log_begin_run(struct helper_job *job)
{
    struct supervisor_log_job *j = container_of(job, struct supervisor_log_job, base.job);

    j->base.fd = logfile_begin(&j->how, &j->base.err);
}

/* Reply to the worker that starts: it may log so. */
static int
supervisor_grant_log(struct supervisor *s, struct child *c, const struct proto_log *how, int fd,
                     unsigned number)
{
    s->next_log.how = *how;
    s->log_wanted = true;
    c->log_number = number;
    return child_send(c, PROTO_WELCOME, NULL, 0, &fd, fd >= 0);
}

static void
supervisor_log_begin_done(struct helper_job *job)
{
    struct supervisor_log_job *j = container_of(job, struct supervisor_log_job, base.job);
    struct supervisor *s = j->base.supervisor;
    struct child *c = supervisor_job_starting(&j->base);

    if (c && j->base.fd < 0) {
        supervisor_replied(s, c, supervisor_refuse(c, &j->base.err));
    } else if (c && s->next_log.fd < 0) {
        s->next_log.fd = j->base.fd;
        s->next_log.number = ++s->log_numbers;
        supervisor_replied(
            s, c, supervisor_grant_log(s, c, &j->how, j->base.fd, s->next_log.number));
    } else {
        helper_close(&s->paths, j->base.fd);
    }
    free(j);
}

int
supervisor_on_log(struct supervisor *s, struct child *c, struct proto_log *how)
{
    struct supervisor_log_job *j;

    if (c->state != CHILD_STARTING)
        return 0; /* it has yet to read that it is to stop */
    if (s->next_log.fd >= 0)
        return -EPROTO;
    how->path[PROTO_FILE_MAX - 1] = '\0';
    if (supervisor_log_is(&s->log, how))
        return supervisor_grant_log(s, c, how, s->log.fd, s->log.number);
    if (how->target != LOG_TO_FILE)
        return supervisor_grant_log(s, c, how, -1, 0);
    j = supervisor_new_job(s, c, sizeof(*j));
    if (!j)
        return -ENOMEM;
    j->how = *how;
    supervisor_submit(&j->base, supervisor_log_begin_run, supervisor_log_begin_done);
    return 0;
}

void
supervisor_forget_log(struct supervisor *s)
{
    s->next_log.fd = helper_close(&s->paths, s->next_log.fd);
    s->log_wanted = false;
}

void
supervisor_reopen_failed(struct supervisor *s, const struct err *err)
{
    log_error("%s", err->text);
    control_refuse_held(&s->control, HOLD_REOPEN, "%s", err->text);
}

static void
supervisor_log_failed(struct supervisor *s, const struct child *c, int code)
{
    struct err err = {0};

    err_set(&err, code, "worker %d cannot go over to the new log file: %s", (int)c->pid,
            err_words(code));
    supervisor_reopen_failed(s, &err);
}

/* One that does not read for the moment is sent it when it does: supervisor_repeat_log(). */
static void
supervisor_send_log(struct supervisor *s, struct child *c)
{
    int r = c->fd < 0 ? -EPIPE : proto_try_send(c->fd, PROTO_LOG_FILE, NULL, 0, &s->log.fd, 1);

    c->log_due = r == -EAGAIN;
    if (r == 0) {
        c->log_number = s->log.number;
        c->log_sent++;
    } else if (r != -EAGAIN && r != -EPIPE) { /* -EPIPE: it ends */
        supervisor_log_failed(s, c, r);
    }
}

bool
supervisor_owes_log(const struct child *c)
{
    return (c->log_due || c->files_due) && c->state != CHILD_STARTING;
}

void
supervisor_repeat_log(struct supervisor *s, struct child *c)
{
    if (c->log_due)
        supervisor_send_log(s, c);
    if (c->files_due)
        supervisor_send_files(s, c);
    supervisor_reply_reopened(s);
}

/* ---- Another log ----------------------------------------------------------------------------- */

/* Closing the old file may wait, and a descriptor that is replaced is closed. */
static void
supervisor_log_replace_run(struct helper_job *job)
{
    struct supervisor_log_job *j = container_of(job, struct supervisor_log_job, base.job);
    int r = log_replace_file(j->base.fd);

    if (r < 0)
        err_set_errno(&j->base.err, r, "cannot go over to another log");
}

static void
supervisor_log_replace_done(struct helper_job *job)
{
    struct supervisor_log_job *j = container_of(job, struct supervisor_log_job, base.job);

    if (j->base.err.code)
        log_error("%s", j->base.err.text);
    free(j);
}

/* The fd stays open until jobs that follow close it. The first file replaces standard error, whose
 * close(2) does not wait, so that lines after READY are in the file. */
static void
supervisor_replace_log(struct supervisor *s, int fd)
{
    struct supervisor_log_job *j = supervisor_new_job(s, NULL, sizeof(*j));

    if (!j) {
        log_error("cannot go over to another log: %s", err_words(-ENOMEM));
        return;
    }
    j->base.fd = fd;
    if (s->log.number != 1) {
        supervisor_submit(&j->base, supervisor_log_replace_run, supervisor_log_replace_done);
        return;
    }
    supervisor_log_replace_run(&j->base.job);
    supervisor_log_replace_done(&j->base.job);
}

/* Workers that drain stay with the file that they have. */
static void
supervisor_change_log(struct supervisor *s)
{
    int old = s->log.fd;

    for (size_t i = 0; i < ARRAY_LEN(s->children); i++)
        s->children[i].log_due = false;
    s->log = s->next_log;
    s->next_log.fd = -1;
    if (old >= 0 || s->log.fd >= 0)
        supervisor_replace_log(s, s->log.fd >= 0 ? s->log.fd : STDERR_FILENO);
    helper_close(&s->paths, old);
}

void
supervisor_commit_log(struct supervisor *s, struct child *c)
{
    if (!s->log_wanted)
        return;
    s->log_wanted = false;
    if (supervisor_log_is(&s->log, &s->next_log.how))
        s->log.how = s->next_log.how;
    else
        supervisor_change_log(s);
    /* Lines of the supervisor are few, and each counts. */
    logfile_use(&s->log.how, s->log.fd, 0, 0);
    if (c->log_due)
        supervisor_send_log(s, c); /* reopened while it started */
}

/* ---- Reopening ------------------------------------------------------------------------------- */

/* A worker that still drains, from before another file was chosen, stays with its own. One that
 * starts reads nothing else before it is READY, and is sent it then. */
static void
supervisor_pass_log_on(struct supervisor *s, unsigned old)
{
    for (size_t i = 0; i < ARRAY_LEN(s->children); i++) {
        struct child *c = &s->children[i];

        if (c->state == CHILD_NONE || c->log_number != old)
            continue;
        if (c->state == CHILD_STARTING)
            c->log_due = true;
        else
            supervisor_send_log(s, c);
    }
}

static void
supervisor_reopen_run(struct helper_job *job)
{
    struct supervisor_log_job *j = container_of(job, struct supervisor_log_job, base.job);

    j->base.fd = logfile_reopen(&j->how, j->why, &j->base.err);
}

static void
supervisor_log_close_run(struct helper_job *job)
{
    fd_close(container_of(job, struct supervisor_log_job, base.job)->base.fd);
}

static void
supervisor_log_close_done(struct helper_job *job)
{
    struct supervisor_log_job *j = container_of(job, struct supervisor_log_job, base.job);

    j->base.supervisor->reopens--;
    supervisor_reply_reopened(j->base.supervisor);
    free(j);
}

/* Clients get their reply when no process has the old file open. */
static void
supervisor_close_log(struct supervisor *s, int fd)
{
    struct supervisor_log_job *j = supervisor_new_job(s, NULL, sizeof(*j));

    if (!j) {
        helper_close(&s->paths, fd);
        return;
    }
    j->base.fd = fd;
    s->reopens++;
    supervisor_submit(&j->base, supervisor_log_close_run, supervisor_log_close_done);
}

/* A reload may have chosen another log meanwhile. */
static void
supervisor_on_reopened(struct supervisor *s, struct supervisor_log_job *j)
{
    unsigned old = s->log.number;

    if (!supervisor_log_is(&s->log, &j->how)) {
        helper_close(&s->paths, j->base.fd);
        return;
    }
    supervisor_close_log(s, s->log.fd);
    s->log.fd = j->base.fd;
    s->log.number = ++s->log_numbers;
    supervisor_pass_log_on(s, old);
}

static void
supervisor_reopen_done(struct helper_job *job)
{
    struct supervisor_log_job *j = container_of(job, struct supervisor_log_job, base.job);
    struct supervisor *s = j->base.supervisor;

    s->reopens--;
    if (j->base.fd >= 0) {
        supervisor_on_reopened(s, j);
    } else {
        log_error("%s: %s; the log goes on as it is", j->why, j->base.err.text);
        control_refuse_held(&s->control, HOLD_REOPEN, "%s", j->base.err.text);
    }
    supervisor_reply_reopened(s);
    free(j);
}

static int
supervisor_reopen_log(struct supervisor *s, const char *why, struct err *reterr)
{
    struct supervisor_log_job *j = NULL;

    if (s->reopens < REOPENS_MAX)
        j = supervisor_new_job(s, NULL, sizeof(*j));
    if (!j)
        return err_set(reterr, -EBUSY, "the log is being reopened, and its file system hangs");
    j->how = s->log.how;
    snprintf(j->why, sizeof(j->why), "%s", why);
    s->reopens++;
    supervisor_submit(&j->base, supervisor_reopen_run, supervisor_reopen_done);
    return 0;
}

int
supervisor_reopen(struct supervisor *s, const char *why, struct err *reterr)
{
    bool files = supervisor_reopen_files(s);

    if (s->log.how.target == LOG_TO_FILE)
        return supervisor_reopen_log(s, why, reterr);
    if (!files)
        return err_set(reterr, -ENOENT, "the log goes to no file: there is nothing to reopen");
    log_notice("%s: reopening the files of plugins", why);
    return 0;
}

void
supervisor_reply_reopened(struct supervisor *s)
{
    static const char reopened[] = "reopened\n";

    if (s->reopens > 0)
        return;
    for (size_t i = 0; i < ARRAY_LEN(s->children); i++)
        if (s->children[i].log_due || s->children[i].files_due || s->children[i].log_sent > 0)
            return;
    control_reply_held(&s->control, HOLD_REOPEN, reopened, sizeof(reopened) - 1);
}

void
supervisor_on_log_taken(struct supervisor *s, struct child *c, const struct proto_log_taken *taken)
{
    c->log_sent -= c->log_sent > 0;
    if (taken->code < 0)
        supervisor_log_failed(s, c, taken->code);
    supervisor_reply_reopened(s);
}
