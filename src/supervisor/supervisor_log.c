/* The log: the supervisor opens its file, for itself and for the workers. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "supervisor/supervisor.h"

/* ---- The request of a worker ----------------------------------------------------------------- */

static bool
supervisor_log_is(const struct supervisor_log *log, const struct proto_log *how)
{
    return log->fd >= 0 && how->target == LOG_TO_FILE && strcmp(log->how.path, how->path) == 0;
}

int
supervisor_on_log(struct supervisor *s, struct child *c, struct proto_log *how)
{
    struct supervisor_log *log = &s->next_log;
    struct err err = {0};

    if (c->state != CHILD_STARTING)
        return 0; /* it has yet to read that it is to stop */
    if (log->fd >= 0)
        return -EPROTO;
    how->path[PROTO_FILE_MAX - 1] = '\0';
    log->how = *how;
    s->log_wanted = true;
    if (supervisor_log_is(&s->log, how)) {
        log = &s->log;
    } else if (how->target == LOG_TO_FILE) {
        log->fd = logfile_begin(how, &err);
        if (log->fd < 0)
            return supervisor_refuse(c, &err);
        log->number = ++s->log_numbers;
    }
    c->log_number = log->fd >= 0 ? log->number : 0;
    return child_send(c, PROTO_WELCOME, NULL, 0, &log->fd, log->fd >= 0);
}

void
supervisor_forget_log(struct supervisor *s)
{
    s->next_log.fd = fd_close(s->next_log.fd);
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

/* Workers that drain stay with the file that they have. Returns the supervisor's fd of that. */
static int
supervisor_change_log(struct supervisor *s)
{
    int old = s->log.fd;

    for (size_t i = 0; i < ARRAY_LEN(s->children); i++)
        s->children[i].log_due = false;
    s->log = s->next_log;
    s->next_log.fd = -1;
    return old;
}

void
supervisor_commit_log(struct supervisor *s, struct child *c)
{
    int old = -1, r;

    if (!s->log_wanted)
        return;
    s->log_wanted = false;
    if (supervisor_log_is(&s->log, &s->next_log.how))
        s->log.how = s->next_log.how;
    else
        old = supervisor_change_log(s);
    /* Lines of the supervisor are few, and each counts. */
    logfile_use(&s->log.how, s->log.fd, 0, 0);
    r = log_replace_file(s->log.fd >= 0 ? s->log.fd : STDERR_FILENO);
    if (r < 0)
        log_error("cannot go over to another log: %s", err_words(r));
    fd_close(old);
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

int
supervisor_reopen(struct supervisor *s, const char *why, struct err *reterr)
{
    bool files = supervisor_reopen_files(s);
    unsigned old = s->log.number;
    int fd;

    if (files && s->log.how.target != LOG_TO_FILE) {
        log_notice("%s: reopening the files of plugins", why);
        return 0;
    }
    fd = logfile_reopen(&s->log.how, why, reterr);
    if (fd < 0)
        return fd;
    fd_close(s->log.fd);
    s->log.fd = fd;
    s->log.number = ++s->log_numbers;
    supervisor_pass_log_on(s, old);
    return 0;
}

void
supervisor_reply_reopened(struct supervisor *s)
{
    static const char reopened[] = "reopened\n";

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
