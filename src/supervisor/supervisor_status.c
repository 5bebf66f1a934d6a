/* How goevd is: for goevd ctl status, and for the service manager. */
#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "supervisor/supervisor.h"

static_assert(WORKERS_MAX <= STATUS_WORKERS_MAX, "each worker has a place in a status");

/* ---- States ---------------------------------------------------------------------------------- */

static const char *
supervisor_state(struct supervisor *s)
{
    const struct child *serving = supervisor_find(s, CHILD_SERVING);

    if (supervisor_ends(s))
        return "stopping";
    if (serving && serving->silent)
        return "stuck";
    if (serving)
        return s->reload || supervisor_find(s, CHILD_STARTING) ? "reloading" : "serving";
    return s->was_ready ? "restarting" : "starting";
}

static const char *
supervisor_child_state(const struct child *c)
{
    static const char *const words[] = {
        [CHILD_STARTING] = "starting", [CHILD_SERVING] = "serving", [CHILD_DRAINING] = "draining"};

    return c->silent ? "stuck" : words[c->state];
}

/* ---- Events ---------------------------------------------------------------------------------- */

void
supervisor_note(struct status_event *event, bool ok, const char *format, ...)
{
    va_list args;

    *event = (struct status_event){.time = time(NULL), .ok = ok};
    va_start(args, format);
    vsnprintf(event->text, sizeof(event->text), format, args);
    va_end(args);
}

/* ---- For goevd ctl --------------------------------------------------------------------------- */

static void
supervisor_status_workers(const struct supervisor *s, struct status *status)
{
    for (size_t i = 0; i < ARRAY_LEN(s->children); i++) {
        const struct child *c = &s->children[i];

        if (c->state != CHILD_NONE)
            status->workers[status->worker_count++] =
                (struct status_worker){.pid = c->pid,
                                       .state = supervisor_child_state(c),
                                       .release = c->release,
                                       .since = c->since,
                                       .connections = c->load.open};
    }
}

static struct status
supervisor_status(struct supervisor *s)
{
    struct status status = {.state = supervisor_state(s),
                            .since = s->since,
                            .supervisor = getpid(),
                            .config = *s->config.path ? s->config.path : NULL,
                            .config_since = s->config.loaded,
                            .reload = s->last_reload,
                            .crash = s->last_crash,
                            .restarts = s->restarts,
                            .reloads = s->reloads,
                            .cut = s->cut};

    supervisor_status_workers(s, &status);
    return status;
}

void
supervisor_reply_status(struct supervisor *s, struct control_client *client)
{
    struct status status = supervisor_status(s);

    status_reply(&status, client);
}

void
supervisor_publish_status(struct supervisor *s)
{
    struct status status = supervisor_status(s);
    size_t len = 0;
    char *text = status_text(&status, &len);

    if (!text)
        return;
    if (!s->published || strcmp(text, s->published) != 0)
        ledger_set_facts(&s->ledger, text, len);
    free(s->published);
    s->published = text;
}

/* ---- For the service manager ----------------------------------------------------------------- */

struct supervisor_sum {
    unsigned workers;
    uint64_t open;
    uint64_t accepted;
};

static struct supervisor_sum
supervisor_sum(const struct supervisor *s, enum child_state state)
{
    struct supervisor_sum sum = {0};

    for (size_t i = 0; i < ARRAY_LEN(s->children); i++) {
        const struct child *c = &s->children[i];

        if (c->state != state)
            continue;
        sum.workers++;
        sum.open += c->load.open;
        sum.accepted += c->load.accepted;
    }
    return sum;
}

static void
supervisor_describe(struct supervisor *s, char *buf, size_t size)
{
    struct supervisor_sum serving = supervisor_sum(s, CHILD_SERVING);
    struct supervisor_sum draining = supervisor_sum(s, CHILD_DRAINING);
    const struct child *c = supervisor_find(s, CHILD_SERVING);
    size_t len = (size_t)snprintf(buf, size, "%s", supervisor_state(s));

    if (c)
        len += (size_t)snprintf(buf + len, size - len,
                                ": worker %d, %" PRIu64 " connections open, %" PRIu64 " accepted",
                                (int)c->pid, serving.open, serving.accepted);
    else if (s->last_crash.time && !s->stopping)
        len += (size_t)snprintf(buf + len, size - len, ": %.200s", s->last_crash.text);
    if (draining.workers)
        snprintf(buf + len, size - len, "; %u worker%s draining, %" PRIu64 " connections open",
                 draining.workers, draining.workers == 1 ? "" : "s", draining.open);
}

void
supervisor_notify_status(struct supervisor *s)
{
    char text[SUPERVISOR_STATUS_MAX];

    if (!notify_listens(&s->notify))
        return;
    supervisor_describe(s, text, sizeof(text));
    if (strcmp(text, s->notified) == 0)
        return;
    memcpy(s->notified, text, sizeof(text));
    notify_say(&s->notify, NOTIFY_LATEST, "STATUS=%s", text);
}
