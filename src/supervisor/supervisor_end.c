/* The end of workers, and who takes their place. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/log.h"
#include "process/exit.h"
#include "supervisor/supervisor.h"

#define RESTART_DELAY_FIRST_NS (100 * NS_PER_MS) /* doubled for each crash after the second */
#define RESTART_DELAY_MAX_NS NS_PER_S

static void
supervisor_log_end(struct supervisor *s, const struct child *c, int status)
{
    char how[128];

    child_describe_end(status, how, sizeof(how));
    supervisor_note(&s->last_crash, false, "worker %d%s %s", (int)c->pid,
                    c->state == CHILD_DRAINING && !s->stopping ? ", which was draining," : "", how);
    log_error("%s", s->last_crash.text);
}

/* The crashes within the window, this one included. */
static unsigned
supervisor_count_crash(struct supervisor *s, uint64_t now)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < s->crashes; i++)
        if (now - s->crashes_ns[i] < s->limits.crash_window_ns)
            s->crashes_ns[kept++] = s->crashes_ns[i];
    if (kept < ARRAY_LEN(s->crashes_ns))
        s->crashes_ns[kept++] = now;
    s->crashes = kept;
    return kept;
}

static void
supervisor_give_up(struct supervisor *s)
{
    log_error("%u workers died within %u s (processes.crashes_max): giving up", s->crashes,
              (unsigned)(s->limits.crash_window_ns / NS_PER_S));
    s->status = EXIT_CRASHING;
    s->stopping = true;
    for (size_t i = 0; i < ARRAY_LEN(s->children); i++)
        if (s->children[i].state == CHILD_DRAINING)
            child_hasten(&s->children[i]);
}

/* At once the first time, later and later after that. */
void
supervisor_replace(struct supervisor *s)
{
    uint64_t now = clock_now_ns(), delay = 0;
    unsigned crashes = supervisor_count_crash(s, now);

    /* The starting worker takes over. If it fails, its end leads here again. */
    if (supervisor_find(s, CHILD_STARTING))
        return;
    if (crashes >= s->limits.crashes_max) {
        supervisor_give_up(s);
        return;
    }
    if (crashes > 1)
        delay = MIN(RESTART_DELAY_FIRST_NS << MIN(crashes - 2, 16u), RESTART_DELAY_MAX_NS);
    s->restart_ns = now + MAX(delay, 1);
    log_notice("starting another worker%s", delay ? " after a pause" : "");
}

/* Why the new one does not serve: its own words, or how it ended. */
static void
supervisor_reload_failed(struct supervisor *s, struct child *c, int status)
{
    const struct child *serving = supervisor_find(s, CHILD_SERVING);
    char how[128];
    size_t len = strlen(c->failure);

    child_describe_end(status, how, sizeof(how));
    while (len > 0 && c->failure[len - 1] == '\n')
        c->failure[--len] = '\0';
    if (len == 0)
        snprintf(c->failure, sizeof(c->failure), "worker %d %s", (int)c->pid, how);
    if (serving)
        log_error("the reload failed: worker %d goes on serving, and nothing has changed; worker "
                  "%d %s: %s",
                  (int)serving->pid, (int)c->pid, how, c->failure);
    supervisor_note(&s->last_reload, false, "%s", c->failure);
    control_refuse_held(&s->control, c->reload, "the reload failed, nothing has changed:\n%s",
                        c->failure);
    supervisor_notify_ready(s);
}

static void
supervisor_on_failed_start(struct supervisor *s, struct child *c, int status)
{
    store_rollback(&s->store);
    pidfile_close(&s->next_pidfile);
    supervisor_forget_log(s);
    if (!s->was_ready) {
        s->status = EXIT_REFUSED; /* the first worker has said why itself */
        s->stopping = true;
        if (WIFSIGNALED(status))
            supervisor_log_end(s, c, status);
        return;
    }
    if (c->reload)
        supervisor_reload_failed(s, c, status);
    if (supervisor_find(s, CHILD_SERVING))
        return;
    supervisor_log_end(s, c, status);
    if (log_is_elsewhere() && c->failure[0])
        log_error("worker %d: %s", (int)c->pid, c->failure); /* it has told stderr alone */
    c->state = CHILD_NONE;
    supervisor_replace(s);
}

static void
supervisor_on_end(struct supervisor *s, struct child *c, int status)
{
    bool clean = WIFEXITED(status) && WEXITSTATUS(status) == EXIT_OK;

    if (s->stopping || c->state == CHILD_DRAINING) {
        if (!clean)
            supervisor_log_end(s, c, status);
        supervisor_reply_reloaded(s, c->reload);
    } else if (c->state == CHILD_STARTING) {
        supervisor_on_failed_start(s, c, status);
    } else {
        supervisor_log_end(s, c, status);
        supervisor_replace(s);
    }
}

static struct child *
supervisor_find_pid(struct supervisor *s, pid_t pid)
{
    for (size_t i = 0; i < ARRAY_LEN(s->children); i++)
        if (s->children[i].state != CHILD_NONE && s->children[i].pid == pid)
            return &s->children[i];
    return NULL;
}

/* What it has said last is worth hearing: why it did not start, a value that it has taken. */
void
supervisor_reap(struct supervisor *s)
{
    pid_t pid;
    int status;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        struct child *c = supervisor_find_pid(s, pid);

        if (!c)
            continue;
        while (c->fd >= 0 && supervisor_receive(s, c))
            ;
        supervisor_on_end(s, c, status);
        child_fini(c);
        supervisor_reply_reopened(s);
    }
}
