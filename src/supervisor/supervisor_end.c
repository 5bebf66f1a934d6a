/* The end of workers, and their replacement. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/log.h"
#include "process/exit.h"
#include "supervisor/supervisor.h"

#define RESTART_DELAY_FIRST_NS (100 * NS_PER_MS) /* doubled for each attempt that follows */
#define RESTART_DELAY_MAX_NS NS_PER_S            /* after a crash */
#define RETRY_DELAY_MAX_NS (5 * NS_PER_S)        /* after a start that failed */
#define RESTART_TIMEOUT_NS (30 * NS_PER_S)       /* for a worker without that setting */

static void
supervisor_log_end(struct supervisor *s, const struct child *c, int status)
{
    char how[128];

    const char *drained = c->state == CHILD_DRAINING && !s->stopping ? ", which was draining," : "";

    child_describe_end(status, how, sizeof(how));
    if (c->state != CHILD_STARTING || WIFSIGNALED(status)) {
        supervisor_count_end(s);
        supervisor_note(&s->last_crash, false, "worker %d%s %s%s", (int)c->pid, drained, how,
                        c->silent ? " because it did not answer" : "");
    }
    log_error("worker %d%s %s", (int)c->pid, drained, how);
}

/* Each reason of the worker is a line of the log. */
static void
supervisor_log_failure(const struct child *c, const char *what)
{
    char lines[PROTO_FAILURE_MAX], *at = lines, *line;

    memcpy(lines, c->failure, sizeof(lines));
    while ((line = strsep(&at, "\n")))
        if (*line)
            log_error("%s: %s", what, line);
}

/* Log the end of a worker, and its reason if it has sent one. */
static void
supervisor_log_end_and_failure(struct supervisor *s, const struct child *c, int status)
{
    char what[32];

    snprintf(what, sizeof(what), "worker %d", (int)c->pid);
    supervisor_log_end(s, c, status);
    if (!c->reload)
        supervisor_log_failure(c, what);
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

/* No worker is left to accept connections: close the sockets, so that clients and balancers see it.
 */
static void
supervisor_give_up(struct supervisor *s)
{
    s->status = EXIT_CRASHING;
    supervisor_stop_now(s, "giving up");
}

static bool
supervisor_has_crashed_too_often(struct supervisor *s)
{
    if (s->crashes < s->limits.crashes_max)
        return false;
    log_error("%u workers died within %u s (processes.crashes_max): giving up", s->crashes,
              (unsigned)(s->limits.crash_window_ns / NS_PER_S));
    supervisor_give_up(s);
    return true;
}

/* A pause before the nth attempt in a row, from 1. */
static uint64_t
supervisor_pause(unsigned nth, uint64_t max_ns)
{
    return MIN(RESTART_DELAY_FIRST_NS << MIN(nth - 1, 16u), max_ns);
}

/* The worker that served has died: another starts at once the first time, later and later after
 * that. */
static void
supervisor_replace(struct supervisor *s)
{
    uint64_t now = clock_now_ns(), pause = 0;
    unsigned crashes = supervisor_count_crash(s, now);

    s->outage_ns = now;
    if (supervisor_find(s, CHILD_STARTING))
        return; /* that one takes over; if it fails, its end leads to supervisor_retry() */
    if (supervisor_has_crashed_too_often(s))
        return;
    if (crashes > 1)
        pause = supervisor_pause(crashes - 1, RESTART_DELAY_MAX_NS);
    s->restart_ns = now + MAX(pause, 1);
    log_notice("starting another worker%s", pause ? " after a pause" : "");
}

/* A worker that refuses to start is no crash, because the reason may go away. But sockets
 * without a worker look alive to a balancer, so the attempts end at some time. */
void
supervisor_retry(struct supervisor *s)
{
    uint64_t timeout_ns =
        s->limits.restart_timeout_ns ? s->limits.restart_timeout_ns : RESTART_TIMEOUT_NS;
    uint64_t now = clock_now_ns(), end_ns = s->outage_ns + timeout_ns;
    uint64_t pause_ns = supervisor_pause(++s->retries, RETRY_DELAY_MAX_NS);

    if (s->reload || supervisor_has_crashed_too_often(s))
        return; /* a reload starts one at once */
    if (now >= end_ns) {
        log_error("no worker could be started for %u s (processes.restart_timeout): giving up",
                  (unsigned)(timeout_ns / NS_PER_S));
        supervisor_give_up(s);
        return;
    }
    s->restart_ns = MIN(now + pause_ns, end_ns);
    log_notice("no worker serves; starting another in %.1f s",
               (double)(s->restart_ns - now) / NS_PER_S);
}

/* Why the new one does not serve: its own words, or how it ended. */
static void
supervisor_reload_failed(struct supervisor *s, struct child *c, int status)
{
    const struct child *serving = supervisor_find(s, CHILD_SERVING);
    size_t len = strlen(c->failure);
    char how[128];

    child_describe_end(status, how, sizeof(how));
    while (len > 0 && c->failure[len - 1] == '\n')
        c->failure[--len] = '\0';
    if (len == 0)
        snprintf(c->failure, sizeof(c->failure), "worker %d %s", (int)c->pid, how);
    supervisor_log_failure(c, "the reload failed");
    if (serving)
        log_error("the reload failed: worker %d goes on serving, and nothing has changed",
                  (int)serving->pid);
    supervisor_count_reload(s, false);
    supervisor_note(&s->last_reload, false, "%s", c->failure);
    control_refuse_held(&s->control, c->reload, "the reload failed, nothing has changed:\n%s",
                        c->failure);
    supervisor_notify_ready(s);
}

/* Nor does another serve. */
static void
supervisor_no_start(struct supervisor *s, struct child *c, int status)
{
    if (WIFSIGNALED(status) && !c->failure[0])
        supervisor_count_crash(s, clock_now_ns());
    supervisor_log_end_and_failure(s, c, status);
    c->state = CHILD_NONE;
    supervisor_retry(s);
}

static void
supervisor_on_failed_start(struct supervisor *s, struct child *c, int status)
{
    store_rollback(&s->store);
    supervisor_close_pidfile(s, &s->next_pidfile);
    supervisor_forget_log(s);
    if (!s->was_ready) {
        /* The first worker has logged the reason. */
        s->status =
            WIFEXITED(status) && WEXITSTATUS(status) == EXIT_CONFIG ? EXIT_CONFIG : EXIT_REFUSED;
        s->stopping = true;
        if (WIFSIGNALED(status))
            supervisor_log_end(s, c, status);
        return;
    }
    if (c->reload)
        supervisor_reload_failed(s, c, status);
    if (supervisor_find(s, CHILD_SERVING))
        return;
    supervisor_no_start(s, c, status);
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
        supervisor_log_end_and_failure(s, c, status);
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

/* Read its last messages first: they may give the reason for its end, or a value that was set. */
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
        ledger_close(&s->ledger, c->counts);
        child_fini(c, &s->closer);
        supervisor_reply_reopened(s);
    }
}
