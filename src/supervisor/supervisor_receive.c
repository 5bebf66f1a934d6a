/* Messages of workers. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "supervisor/supervisor_job.h"

int
supervisor_refuse(struct child *c, const struct err *err)
{
    struct proto_refused refused = {.code = err->code};

    snprintf(refused.text, sizeof(refused.text), "%.*s", PROTO_TEXT_MAX - 1, err->text);
    return child_send(c, PROTO_REFUSED, &refused, sizeof(refused), NULL, 0);
}

static int
supervisor_on_hello(struct supervisor *s, struct child *c, const struct proto_hello *hello)
{
    struct err err = {0};

    if (hello->major == PROTO_MAJOR) {
        struct proto_welcome welcome = {
            .quiet = s->was_ready,
            .major = PROTO_MAJOR,
            .minor = PROTO_MINOR,
        };

        c->welcomed = true;
        snprintf(c->release, sizeof(c->release), "%.*s", PROTO_RELEASE_MAX - 1, hello->release);
        return child_send(c, PROTO_WELCOME, &welcome, sizeof(welcome), NULL, 0);
    }
    err_set(&err, -EPROTO,
            "the worker on disk speaks version %u.%u and the running supervisor %d.%d: restart "
            "goevd instead of reloading it",
            hello->major, hello->minor, PROTO_MAJOR, PROTO_MINOR);
    snprintf(c->failure, sizeof(c->failure), "%s", err.text);
    return supervisor_refuse(c, &err);
}

static int
supervisor_send_sockets(struct child *c, const struct address *bound, const int *fds,
                        unsigned count)
{
    int r = 0;

    for (unsigned sent = 0; r == 0 && sent < count;) {
        unsigned n = MIN(count - sent, PROTO_FDS_CHUNK);
        struct proto_sockets sockets = {.bound = *bound, .left = count - sent - n};

        r = child_send(c, PROTO_SOCKETS, &sockets, sizeof(sockets), fds + sent, n);
        sent += n;
    }
    return r;
}

struct supervisor_listen_job {
    struct supervisor_job base;
    struct store_opening opening;
};

static void
supervisor_listen_run(struct helper_job *job)
{
    store_opening_run(&container_of(job, struct supervisor_listen_job, base.job)->opening);
}

static int
supervisor_grant_listen(struct supervisor *s, struct child *c, const struct proto_listen *listen)
{
    struct address bound;
    struct err err = {0};
    unsigned count;
    const int *fds;

    if (store_get(&s->store, listen, &bound, &fds, &count, &err) < 0)
        return supervisor_refuse(c, &err);
    return supervisor_send_sockets(c, &bound, fds, count);
}

static void
supervisor_listen_done(struct helper_job *job)
{
    struct supervisor_listen_job *j = container_of(job, struct supervisor_listen_job, base.job);
    struct supervisor *s = j->base.supervisor;
    struct child *c = supervisor_job_starting(&j->base);
    struct err err = {0};

    if (!c)
        store_opening_drop(&s->store, &j->opening);
    else if (store_opening_end(&s->store, &j->opening, &err) < 0)
        supervisor_replied(s, c, supervisor_refuse(c, &err));
    else
        supervisor_replied(s, c, supervisor_grant_listen(s, c, &j->opening.listen));
    free(j);
}

/* A worker that replaces a dead one takes a socket as it is, so that no path can delay it. */
static int
supervisor_on_listen(struct supervisor *s, struct child *c, const struct proto_listen *listen)
{
    struct supervisor_listen_job *j;
    struct store_opening opening;

    if (c->state != CHILD_STARTING)
        return 0; /* it has yet to read that it is to stop */
    if (!store_opening_begin(&s->store, listen, &opening) || (c->replays && opening.exists))
        return supervisor_grant_listen(s, c, listen);
    j = supervisor_new_job(s, c, sizeof(*j));
    if (!j)
        return -ENOMEM;
    j->opening = opening;
    supervisor_submit(&j->base, supervisor_listen_run, supervisor_listen_done);
    return 0;
}

static int
supervisor_on_begin(struct supervisor *s, struct child *c)
{
    struct err err = {0};

    if (c->state != CHILD_STARTING)
        return 0; /* it has yet to read that it is to stop */
    if (store_check(&s->store, &err) < 0)
        return supervisor_refuse(c, &err);
    return child_send(c, PROTO_WELCOME, NULL, 0, NULL, 0);
}

static int
supervisor_on_recall(struct supervisor *s, struct child *c)
{
    struct proto_value none = {0};
    int r = 0;

    c->recalled = true;
    if (s->values.count == 0)
        return child_send(c, PROTO_VALUE, &none, sizeof(none), NULL, 0);
    for (size_t i = 0; r == 0 && i < s->values.count; i++) {
        struct proto_value value = {.left = (uint32_t)(s->values.count - 1 - i)};

        snprintf(value.name, sizeof(value.name), "%s", s->values.items[i].name);
        snprintf(value.value, sizeof(value.value), "%s", s->values.items[i].text);
        r = child_send(c, PROTO_VALUE, &value, sizeof(value), NULL, 0);
    }
    return r;
}

/* One that takes over, or has, may have asked too early to know of it; those that drain have the
 * connections of before. */
static void
supervisor_pass_value_on(struct supervisor *s, const struct child *from,
                         const struct proto_value *value)
{
    for (size_t i = 0; i < ARRAY_LEN(s->children); i++) {
        struct child *c = &s->children[i];

        if (c != from && c->fd >= 0 && c->recalled &&
            proto_try_send(c->fd, PROTO_VALUE, value, sizeof(*value), NULL, 0) == -EAGAIN)
            log_warning("%s: worker %d is not reading its channel and misses the new value",
                        value->name, (int)c->pid);
    }
}

static int
supervisor_on_value(struct supervisor *s, const struct child *c, struct proto_value *value)
{
    value->name[PROTO_NAME_MAX - 1] = value->value[PROTO_VALUE_MAX - 1] = '\0';
    if (value->unset)
        values_unset(&s->values, value->name);
    else if (values_set(&s->values, value->name, value->value) < 0)
        log_warning("%s: cannot be remembered for the next worker", value->name);
    log_set_level((int)value->log_level);
    supervisor_pass_value_on(s, c, value);
    return 0;
}

/* ---- A worker that takes over ---------------------------------------------------------------- */

/* Log, reply and notify only when the jobs have run that a worker's READY submits. */
struct supervisor_settle_job {
    struct supervisor_job base;
    unsigned reload;
    int pid;
};

static void
supervisor_settle_run(struct helper_job *job)
{
    (void)job;
}

static void
supervisor_settle(struct supervisor *s, unsigned reload, int pid,
                  void (*done)(struct helper_job *job))
{
    struct supervisor_settle_job *j = supervisor_new_job(s, NULL, sizeof(*j));

    if (!j) {
        log_error("cannot report that worker %d serves: %s", pid, err_words(-ENOMEM));
        return;
    }
    j->reload = reload;
    j->pid = pid;
    supervisor_submit(&j->base, supervisor_settle_run, done);
}

static void
supervisor_reloaded_done(struct helper_job *job)
{
    struct supervisor_settle_job *j = container_of(job, struct supervisor_settle_job, base.job);
    struct supervisor *s = j->base.supervisor;
    const struct child *serving = supervisor_find(s, CHILD_SERVING);
    char text[64] = "the worker that took over has died since\n";

    if (serving)
        snprintf(text, sizeof(text), "worker %d serves\n", (int)serving->pid);
    control_reply_held(&s->control, j->reload, text, strlen(text));
    free(j);
}

void
supervisor_reply_reloaded(struct supervisor *s, unsigned reload)
{
    if (reload)
        supervisor_settle(s, reload, 0, supervisor_reloaded_done);
}

static void
supervisor_serves_done(struct helper_job *job)
{
    struct supervisor_settle_job *j = container_of(job, struct supervisor_settle_job, base.job);
    struct supervisor *s = j->base.supervisor;

    if (j->reload) {
        log_notice("reloaded: worker %d serves", j->pid);
        supervisor_note(&s->last_reload, true, "worker %d serves", j->pid);
        supervisor_count_reload(s, true);
    }
    if (!s->stopping)
        supervisor_notify_ready(s);
    free(j);
}

/* Another takes over. Without a control socket it goes on serving, and with an option of a socket
 * that cannot be set. */
static int
supervisor_on_ready(struct supervisor *s, struct child *c, const struct proto_ready *ready)
{
    struct child *old = supervisor_find(s, CHILD_SERVING);
    struct err err = {0};

    if (c->state != CHILD_STARTING) {
        child_allow(c, ready);
        return 0;
    }
    child_serve(c, ready);
    if (s->soon_ns)
        child_warn(c);
    s->limits = c->ready;
    s->was_ready = true;
    s->retries = 0;
    if (store_commit(&s->store, &err) < 0)
        log_warning("a listening socket stays as it was: %s", err.text);
    supervisor_commit_pidfile(s);
    supervisor_commit_origin(s, c);
    supervisor_commit_counts(s, c);
    if (c->ready.log_level)
        log_set_level((int)c->ready.log_level);
    supervisor_commit_log(s, c);
    if (c->files_due)
        supervisor_send_files(s, c);
    supervisor_open_control(s);
    supervisor_settle(s, c->reload, (int)c->pid, supervisor_serves_done);
    if (old) {
        child_drain(old, true);
        old->reload = c->reload; /* it is over when this one accepts no more */
    } else {
        supervisor_reply_reloaded(s, c->reload);
    }
    c->reload = 0;
    return 0;
}

/* One that drains has been replaced already. */
static void
supervisor_on_replace(struct supervisor *s, const struct child *c, struct proto_replace *replace)
{
    char why[PROTO_TEXT_MAX + 64];

    replace->why[PROTO_TEXT_MAX - 1] = '\0';
    snprintf(why, sizeof(why), "worker %d: %s", (int)c->pid, replace->why);
    if (c->state != CHILD_SERVING || supervisor_ends(s) || s->reload)
        return;
    supervisor_reload(s, why);
    s->reload_waits = true;
}

static int
supervisor_on_message(struct supervisor *s, struct child *c, struct proto_message *m, int fd)
{
    if (m->type == PROTO_KEEP)
        return supervisor_on_keep(s, c, &m->kept, fd);
    if (!c->welcomed && m->type != PROTO_HELLO && m->type != PROTO_FAILED)
        return -EPROTO;
    switch (m->type) {
    case PROTO_HELLO:
        return supervisor_on_hello(s, c, &m->hello);
    case PROTO_LISTEN:
        return supervisor_on_listen(s, c, &m->listen);
    case PROTO_READY:
        return supervisor_on_ready(s, c, &m->ready);
    case PROTO_BEGIN:
        return supervisor_on_begin(s, c);
    case PROTO_COUNTS:
        return supervisor_on_counts(s, c);
    case PROTO_TICKETS:
        return supervisor_on_tickets(s, c);
    case PROTO_SNAPSHOT:
        return supervisor_on_snapshot(s, c);
    case PROTO_LOAD:
        supervisor_on_load(c, &m->load);
        return 0;
    case PROTO_PID_FILE:
        return supervisor_on_pid_file(s, c, &m->pid_file);
    case PROTO_LOG:
        return supervisor_on_log(s, c, &m->log);
    case PROTO_FILE:
        return supervisor_on_file(s, c, &m->file);
    case PROTO_LOG_TAKEN:
        supervisor_on_log_taken(s, c, &m->log_taken);
        return 0;
    case PROTO_FAILED:
        snprintf(c->failure, sizeof(c->failure), "%.*s", PROTO_FAILURE_MAX - 1, m->failed.text);
        return 0;
    case PROTO_RECALL:
        return supervisor_on_recall(s, c);
    case PROTO_VALUE:
        return supervisor_on_value(s, c, &m->value);
    case PROTO_REPLACE:
        supervisor_on_replace(s, c, &m->replace);
        return 0;
    case PROTO_CUT:
        s->cut += m->cut.connections;
        return 0;
    case PROTO_DRAINING:
        supervisor_reply_reloaded(s, c->reload);
        return 0;
    default:
        log_warning("worker %d said something unknown (%u); it is newer than this supervisor",
                    (int)c->pid, m->type);
        return 0;
    }
}

/* Descriptors that were not requested come from a worker that an attacker controls. Closing them
 * may wait, so the closer does it, and the worker can send no more. */
static int
supervisor_take_fds(struct supervisor *s, const struct child *c, const struct proto_message *m,
                    int *fds, unsigned count)
{
    unsigned asked = m->type == PROTO_KEEP ? MIN(count, 1) : 0;

    for (unsigned i = 0; i < count; i++)
        child_unset_linger(fds[i]);
    for (unsigned i = asked; i < count; i++)
        helper_close(&s->closer, fds[i]);
    if (count == asked)
        return 0;
    log_error("worker %d has sent descriptors without a request; killing it", (int)c->pid);
    kill(c->pid, SIGKILL);
    return -EPROTO;
}

bool
supervisor_receive(struct supervisor *s, struct child *c)
{
    struct proto_message message;
    int fds[PROTO_FDS_ALL], r, taken;
    unsigned count = 0;

    r = proto_try_receive(c->fd, &message, fds, &count);
    if (r == -EAGAIN)
        return false;
    taken = supervisor_take_fds(s, c, &message, fds, count);
    if (r == -EMFILE)
        log_warning("cannot keep a file of worker %d: %s", (int)c->pid, err_words(r));
    if (taken < 0)
        r = taken;
    else if (r == 0 || r == -EMFILE)
        r = supervisor_on_message(s, c, &message, count > 0 ? fds[0] : -1);
    supervisor_replied(s, c, r);
    return c->fd >= 0;
}
