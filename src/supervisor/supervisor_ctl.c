/* Requests at the control socket. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "supervisor/supervisor.h"

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
