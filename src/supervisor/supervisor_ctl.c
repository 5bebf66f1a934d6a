/* Requests at the control socket. */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "supervisor/supervisor_job.h"

#define REOPEN_WAIT_NS (30 * NS_PER_S)   /* for workers that do not read */
#define RELOAD_WAIT_NS (3600 * NS_PER_S) /* where a worker may take any time to start */
#define WORKER_WORD "worker "

/* Which worker a request is for: the one that serves, or the one that "worker PID" before it names.
 * Returns the request itself; *ret is NULL if there is no such worker. */
static const char *
supervisor_address(struct supervisor *s, const char *request, const struct child **ret)
{
    char *end = NULL;
    long pid;

    *ret = supervisor_find(s, CHILD_SERVING);
    if (strncmp(request, WORKER_WORD, strlen(WORKER_WORD)) != 0)
        return request;
    *ret = NULL;
    pid = strtol(request + strlen(WORKER_WORD), &end, 10);
    for (size_t i = 0; i < ARRAY_LEN(s->children); i++)
        if (pid > 0 && *end == ' ' && s->children[i].pid == pid &&
            (s->children[i].state == CHILD_SERVING || s->children[i].state == CHILD_DRAINING))
            *ret = &s->children[i];
    return *end == ' ' ? end + 1 : end;
}

static void
supervisor_pass_on(struct supervisor *s, struct control_client *client, const char *request)
{
    const struct child *serving;
    int r;

    request = supervisor_address(s, request, &serving);

    static_assert(CONTROL_REQUEST_MAX < PROTO_REQUEST_MAX && CONTROL_PATH_MAX < PROTO_PATH_MAX,
                  "what the control socket takes fits a message");
    if (!serving || serving->fd < 0) {
        control_refuse(client, "no such worker serves or drains at present; status lists them");
        return;
    }
    r = proto_try_send(serving->fd, PROTO_CONTROL, request, strlen(request) + 1, &client->fd, 1);
    if (r < 0)
        control_refuse(client, "the worker does not listen: %s", err_words(r));
    else
        fd_close(control_take(client));
}

static void
supervisor_on_reopen_request(struct supervisor *s, struct control_client *client)
{
    struct err err = {0};

    if (!control_hold(&s->control, client, HOLD_REOPEN, REOPEN_WAIT_NS))
        return;
    if (supervisor_reopen(s, "goevd ctl reopen", &err) < 0)
        control_refuse(client, "%s", err.text);
    else
        supervisor_reply_reopened(s);
}

/* A worker that does not start is killed after start_timeout; one that does not drain may take its
 * time. */
static void
supervisor_on_reload_request(struct supervisor *s, struct control_client *client)
{
    uint64_t wait_ns = s->limits.start_timeout_ns ? s->limits.start_timeout_ns : RELOAD_WAIT_NS;

    if (control_hold(&s->control, client, HOLD_RELOAD, wait_ns + REOPEN_WAIT_NS))
        client->held = supervisor_reload(s, "goevd ctl reload");
}

/* Requests for workers are passed on, and the worker replies to the client. */
void
supervisor_on_request(struct control_client *client, const char *request, void *arg)
{
    struct supervisor *s = arg;

    if (strcmp(request, "status") == 0) {
        supervisor_reply_status(s, client);
    } else if (strcmp(request, "stop") == 0) {
        control_hold(&s->control, client, HOLD_STOP, 0);
        supervisor_stop(s, "goevd ctl stop");
    } else if (s->stopping) {
        control_refuse(client, "goevd stops");
    } else if (strcmp(request, "reload") == 0 && supervisor_ends(s)) {
        control_refuse(client, "goevd stops");
    } else if (strcmp(request, "reload") == 0) {
        supervisor_on_reload_request(s, client);
    } else if (strcmp(request, "reopen") == 0) {
        supervisor_on_reopen_request(s, client);
    } else {
        supervisor_pass_on(s, client, request);
    }
}

/* ---- Its socket ------------------------------------------------------------------------------ */

struct supervisor_control_job {
    struct supervisor_job base;
    char path[PROTO_PATH_MAX];
    struct control_socket old, new;
    bool stays;
};

static void
supervisor_control_unlink_run(struct helper_job *job)
{
    struct supervisor_control_job *j = container_of(job, struct supervisor_control_job, base.job);

    listen_unlink(&j->old.address, &j->old.file);
}

static void
supervisor_control_unlink_done(struct helper_job *job)
{
    free(container_of(job, struct supervisor_control_job, base.job));
}

static void
supervisor_drop_control(struct supervisor *s, struct control_socket socket)
{
    struct supervisor_control_job *j;

    if (socket.fd < 0)
        return;
    fd_close(socket.fd);
    j = supervisor_new_job(s, NULL, sizeof(*j));
    if (!j)
        return;
    j->old = socket;
    supervisor_submit(&j->base, supervisor_control_unlink_run, supervisor_control_unlink_done);
}

static void
supervisor_control_run(struct helper_job *job)
{
    struct supervisor_control_job *j = container_of(job, struct supervisor_control_job, base.job);

    j->stays = control_is_at(&j->old, j->path);
    if (!j->stays && *j->path)
        (void)control_listen(j->path, &j->new, &j->base.err);
}

static void
supervisor_control_done(struct helper_job *job)
{
    struct supervisor_control_job *j = container_of(job, struct supervisor_control_job, base.job);
    struct supervisor *s = j->base.supervisor;

    s->control_opens = false;
    if (j->base.err.code)
        log_error("control.socket: %s", j->base.err.text);
    if (s->stopping) {
        supervisor_drop_control(s, j->new);
    } else if (!j->stays) {
        supervisor_drop_control(s, s->control.socket);
        s->control.socket = j->new;
    }
    free(j);
    if (s->control_changed && !s->stopping)
        supervisor_open_control(s);
}

void
supervisor_open_control(struct supervisor *s)
{
    struct supervisor_control_job *j;

    s->control_changed = s->control_opens;
    if (s->control_opens)
        return; /* once more when that is done */
    j = supervisor_new_job(s, NULL, sizeof(*j));
    if (!j) {
        log_error("control.socket: %s", err_words(-ENOMEM));
        return;
    }
    snprintf(j->path, sizeof(j->path), "%s", s->limits.control);
    j->old = s->control.socket;
    j->new.fd = -1;
    s->control_opens = true;
    supervisor_submit(&j->base, supervisor_control_run, supervisor_control_done);
}

void
supervisor_close_control(struct supervisor *s)
{
    supervisor_drop_control(s, s->control.socket);
    s->control.socket.fd = -1;
}
