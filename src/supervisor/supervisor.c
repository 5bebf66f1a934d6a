#include "supervisor/supervisor.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "process/exit.h"
#include "process/signals.h"
#include "supervisor/binary.h"

/* timeout(1) and others signal a process and then its group: so near, two signals are one. */
#define STOP_ECHO_NS (100 * NS_PER_MS)
#define HELPER_NS NS_PER_S         /* that a helper thread has at the end */
#define STEP_NS (500 * NS_PER_MS)  /* the least of waiting for a worker's deadline */
#define HELD_MAX_NS (2 * NS_PER_S) /* for a file system, while no worker serves */

/* ---- Workers --------------------------------------------------------------------------------- */

struct child *
supervisor_find(struct supervisor *s, enum child_state state)
{
    for (size_t i = 0; i < ARRAY_LEN(s->children); i++)
        if (s->children[i].state == state)
            return &s->children[i];
    return NULL;
}

/* The one that has drained longest. */
static struct child *
supervisor_find_oldest(struct supervisor *s)
{
    struct child *oldest = NULL;

    for (size_t i = 0; i < ARRAY_LEN(s->children); i++) {
        struct child *c = &s->children[i];

        if (c->state == CHILD_DRAINING && (!oldest || c->begun_ns < oldest->begun_ns))
            oldest = c;
    }
    return oldest;
}

static unsigned
supervisor_count(const struct supervisor *s)
{
    unsigned n = 0;

    for (size_t i = 0; i < ARRAY_LEN(s->children); i++)
        n += s->children[i].state != CHILD_NONE;
    return n;
}

/* A reload reads the disk; a worker that replaces a dead one starts from the kept files. */
static int
supervisor_start(struct supervisor *s, unsigned reload)
{
    struct child_command command = {.path = s->path,
                                    .kept_fd = s->origin ? s->origin->binary_fd : -1,
                                    .fresh = reload || !s->origin,
                                    .argv = s->argv,
                                    .mask = &s->old_mask,
                                    .files = &s->old_files};
    struct child *c = supervisor_find(s, CHILD_NONE);
    struct err err = {0};

    assert(c);
    if (child_start(c, &command, &err) < 0) {
        log_error("%s", err.text);
        if (reload)
            control_refuse_held(&s->control, reload, "%s", err.text);
        return err.code;
    }
    store_begin(&s->store);
    s->pidfile_wanted = false;
    s->log_wanted = false;
    c->number = ++s->starts;
    c->reload = reload;
    c->replays = !command.fresh;
    if (s->limits.start_timeout_ns)
        c->deadline_ns = c->begun_ns + s->limits.start_timeout_ns;
    return 0;
}

/* ---- Stopping and reloading ------------------------------------------------------------------ */

/* Go on serving, so that balancers notice in time. */
static void
supervisor_stop_soon(struct supervisor *s, const char *why)
{
    double delay_s = (double)s->limits.stop_delay_ns / NS_PER_S;

    log_notice("%s: stopping in %g s (stop_delay)", why, delay_s);
    s->soon_ns = s->stop_ns + s->limits.stop_delay_ns;
    notify_say(&s->notify, NOTIFY_STATE, "STOPPING=1");
    for (size_t i = 0; i < ARRAY_LEN(s->children); i++)
        if (s->children[i].state == CHILD_SERVING || s->children[i].state == CHILD_DRAINING)
            child_warn(&s->children[i]);
}

void
supervisor_stop_now(struct supervisor *s, const char *why)
{
    bool again = s->stopping;

    log_notice("%s: %s", why, again ? "stopping now" : "stopping");
    s->soon_ns = 0;
    s->stopping = true;
    notify_say(&s->notify, NOTIFY_STATE, "STOPPING=1");
    s->restart_ns = 0;
    supervisor_close_control(s);
    store_fini(&s->store); /* connections are refused from now on */
    for (size_t i = 0; i < ARRAY_LEN(s->children); i++) {
        struct child *c = &s->children[i];

        if (c->state == CHILD_STARTING || c->state == CHILD_SERVING)
            child_drain(c, false);
        else if (c->state == CHILD_DRAINING && again)
            child_hasten(c);
        else if (c->state == CHILD_DRAINING)
            child_stop_draining(c);
    }
}

/* Each request after the first goes one step further: the delay, draining, the end. */
void
supervisor_stop(struct supervisor *s, const char *why)
{
    uint64_t now = clock_now_ns();

    if (s->stop_ns && now - s->stop_ns < STOP_ECHO_NS)
        return;
    s->stop_ns = now;
    if (!supervisor_ends(s) && s->limits.stop_delay_ns && supervisor_find(s, CHILD_SERVING))
        supervisor_stop_soon(s, why);
    else
        supervisor_stop_now(s, why);
}

/* Returns the number of the reload that is to come. */
unsigned
supervisor_reload(struct supervisor *s, const char *why)
{
    s->reload_waits = false;
    if (!s->reload) {
        s->reload = ++s->reloads;
        log_notice("%s: reloading", why);
        supervisor_notify_reloading(s);
    }
    return s->reload;
}

/* The one that drains longest has to go, when it has had its time. */
static void
supervisor_make_room(struct supervisor *s)
{
    struct child *oldest = supervisor_find_oldest(s);
    uint64_t due = oldest->begun_ns + s->limits.drain_min_ns;

    if (clock_now_ns() >= due)
        child_hasten(oldest);
    else
        s->room_ns = due;
}

/* Start the worker that is due. At most one starts at a time, and one too many has to end before.
 */
static void
supervisor_start_due(struct supervisor *s)
{
    bool restart = s->restart_ns && clock_now_ns() >= s->restart_ns;
    unsigned reload = s->reload;

    s->room_ns = 0;
    if (s->stopping || (!restart && !reload) || supervisor_find(s, CHILD_STARTING))
        return;
    if (supervisor_count(s) >= MAX(s->limits.workers_max, 2)) {
        if (restart || !s->reload_waits)
            supervisor_make_room(s);
        return;
    }
    restart = s->restart_ns != 0;
    s->restart_ns = 0;
    s->reload = 0;
    if (supervisor_start(s, reload) == 0)
        s->restarts += restart;
    else if (!supervisor_find(s, CHILD_SERVING))
        supervisor_retry(s);
    else
        supervisor_notify_ready(s);
}

static void
supervisor_on_reopen(struct supervisor *s, const char *why)
{
    struct err err = {0};

    if (supervisor_reopen(s, why, &err) < 0)
        log_error("%s: %s; the log goes on as it is", why, err.text);
}

static void
supervisor_on_signal(struct supervisor *s)
{
    struct signalfd_siginfo info;
    char name[32];

    if (read(s->signal_fd, &info, sizeof(info)) != sizeof(info))
        return;
    snprintf(name, sizeof(name), "SIG%s", sigabbrev_np((int)info.ssi_signo));
    if (info.ssi_signo == SIGCHLD)
        supervisor_reap(s);
    else if (info.ssi_signo == SIGUSR1)
        supervisor_on_reopen(s, name);
    else if (info.ssi_signo != SIGHUP)
        supervisor_stop(s, name);
    else if (!supervisor_ends(s))
        supervisor_reload(s, name);
}

/* ---- The loop -------------------------------------------------------------------------------- */

static uint64_t
supervisor_earlier(uint64_t a, uint64_t b)
{
    return !a || (b && b < a) ? b : a;
}

/* Wait for at most half of the remaining time, so that a suspend of the machine is noticed and not
 * charged to the worker. */
static uint64_t
supervisor_approach(uint64_t deadline_ns, uint64_t now_ns)
{
    if (deadline_ns <= now_ns + STEP_NS)
        return deadline_ns;
    return now_ns + MAX(STEP_NS, (deadline_ns - now_ns) / 2);
}

/* The worker of a reload that waits for a file system while none serves; or NULL. */
static struct child *
supervisor_find_held(struct supervisor *s)
{
    struct child *c = supervisor_find(s, CHILD_STARTING);
    bool held = c && c->held_ns && !c->replays && s->was_ready;

    return held && !supervisor_find(s, CHILD_SERVING) ? c : NULL;
}

static int
supervisor_timeout_ms(struct supervisor *s)
{
    const struct child *held = supervisor_find_held(s);
    uint64_t due = supervisor_earlier(s->restart_ns, control_due_ns(&s->control));
    uint64_t now = clock_now_ns();

    due = supervisor_earlier(due, notify_due_ns(&s->notify));
    due = supervisor_earlier(due, s->extend_ns);
    due = supervisor_earlier(due, s->room_ns);
    due = supervisor_earlier(due, s->soon_ns);
    due = supervisor_earlier(due, s->tickets.next_ns);
    due = supervisor_earlier(due, held ? held->held_ns + HELD_MAX_NS : 0);
    if (log_has_lost())
        due = supervisor_earlier(due, now + LOG_RETRY_NS);
    due = supervisor_earlier(due, supervisor_approach(supervisor_hang_due_ns(s), now));
    for (size_t i = 0; i < ARRAY_LEN(s->children); i++)
        due = supervisor_earlier(due, supervisor_approach(s->children[i].deadline_ns, now));
    if (!due)
        return -1;
    return due > now ? (int)MIN((due - now) / NS_PER_MS + 1, (uint64_t)INT_MAX) : 0;
}

/* Where the supervisor has stood still its workers have, too: that is none of their time. */
static void
supervisor_excuse(struct supervisor *s, uint64_t waited_ns, int timeout_ms)
{
    uint64_t wanted_ns = (uint64_t)MAX(timeout_ms, 0) * NS_PER_MS;

    if (waited_ns < wanted_ns + STEP_NS)
        return;
    for (size_t i = 0; i < ARRAY_LEN(s->children); i++)
        if (s->children[i].deadline_ns)
            s->children[i].deadline_ns += waited_ns - wanted_ns;
    supervisor_hang_excuse(s, waited_ns - wanted_ns);
}

static void
supervisor_on_late(struct child *c)
{
    if (c->state == CHILD_STARTING)
        snprintf(c->failure, sizeof(c->failure), "not ready within processes.start_timeout");
    log_error("worker %d did not %s in time: killing it", (int)c->pid,
              c->state == CHILD_STARTING ? "start" : "stop");
    child_kill(c);
}

/* Another one can take its place: it starts from the files that last served, and takes log and
 * sockets as they are. */
static void
supervisor_end_held(struct supervisor *s, uint64_t now)
{
    struct child *c = supervisor_find_held(s);

    if (!c || now < c->held_ns + HELD_MAX_NS)
        return;
    snprintf(c->failure, sizeof(c->failure), "a file system did not answer, and no worker served");
    log_error("worker %d waits for a file system, and no worker serves: killing it", (int)c->pid);
    c->held_ns = 0;
    child_kill(c);
}

static void
supervisor_on_time(struct supervisor *s)
{
    uint64_t now = clock_now_ns();

    for (size_t i = 0; i < ARRAY_LEN(s->children); i++)
        if (s->children[i].deadline_ns && now >= s->children[i].deadline_ns)
            supervisor_on_late(&s->children[i]);
    supervisor_end_held(s, now);
    log_report_lost();
    supervisor_rotate_tickets(s);
    if (s->soon_ns && now >= s->soon_ns)
        supervisor_stop_now(s, "stop_delay is over");
    supervisor_hang_time(s, now);
    supervisor_start_due(s);
    supervisor_notify_time(s, now);
    supervisor_publish_status(s);
}

#define SUPERVISOR_FDS (3 + WORKERS_MAX)

static void
supervisor_on_child(struct supervisor *s, struct child *c, short events)
{
    if (events & POLLOUT)
        child_flush(c);
    if (events & POLLOUT && c->unheard)
        child_repeat(c);
    if (events & POLLOUT && supervisor_owes_log(c))
        supervisor_repeat_log(s, c);
    if (events & ~POLLOUT && c->fd >= 0)
        supervisor_receive(s, c);
}

static void
supervisor_round(struct supervisor *s)
{
    struct pollfd fds[SUPERVISOR_FDS + CONTROL_FDS] = {{.fd = s->signal_fd, .events = POLLIN},
                                                       {.fd = s->closer.event_fd, .events = POLLIN},
                                                       {.fd = s->paths.event_fd, .events = POLLIN}};
    int timeout_ms = supervisor_timeout_ms(s);
    uint64_t begun_ns = clock_now_ns();

    for (size_t i = 0; i < ARRAY_LEN(s->children); i++) {
        const struct child *c = &s->children[i];
        bool writes = c->queue || c->unheard || supervisor_owes_log(c);

        fds[3 + i] =
            (struct pollfd){.fd = c->fd, .events = (short)(POLLIN | (writes ? POLLOUT : 0))};
    }
    control_poll(&s->control, fds + SUPERVISOR_FDS);
    if (poll(fds, ARRAY_LEN(fds), timeout_ms) < 0 && errno != EINTR) {
        log_error("the supervisor cannot wait: %s", err_words(errno));
        s->status = EXIT_CRASHING;
        supervisor_stop_now(s, "poll(2)");
        return;
    }
    supervisor_excuse(s, clock_now_ns() - begun_ns, timeout_ms);
    for (size_t i = 0; i < ARRAY_LEN(s->children); i++)
        supervisor_on_child(s, &s->children[i], fds[3 + i].revents);
    if (fds[0].revents)
        supervisor_on_signal(s);
    helper_finish(&s->closer);
    helper_finish(&s->paths);
    control_handle(&s->control, fds + SUPERVISOR_FDS);
    supervisor_on_time(s);
}

/* It holds the sockets of every listener for every poller. */
static void
supervisor_raise_files(struct supervisor *s)
{
    struct rlimit limit;

    getrlimit(RLIMIT_NOFILE, &s->old_files);
    limit = s->old_files;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit); /* the soft limit may always be raised so far */
}

static int
supervisor_init(struct supervisor *s)
{
    int r = binary_find(s->argv[0], s->path);

    if (r < 0)
        return r;
    supervisor_raise_files(s);
    s->signal_fd = signals_open(true, &s->old_mask);
    return MIN(s->signal_fd, 0);
}

static const char stopped[] = "stopped\n";

static struct supervisor *
supervisor_new(char **argv)
{
    struct supervisor *s = calloc(1, sizeof(*s));

    if (!s)
        return NULL;
    s->argv = argv;
    s->since = time(NULL);
    s->signal_fd = s->pidfile.fd = s->next_pidfile.fd = s->notify.fd = -1;
    s->log.fd = s->next_log.fd = -1;
    for (size_t i = 0; i < ARRAY_LEN(s->children); i++)
        s->children[i].fd = -1;
    control_init(&s->control, supervisor_on_request, s);
    return s;
}

static int
supervisor_begin(struct supervisor *s)
{
    struct err err = {0};
    int r = supervisor_init(s);

    if (r == 0)
        r = supervisor_inherit(s,
                               &err); /* before other descriptors take the numbers of passed ones */
    if (r == 0)
        r = ledger_init(&s->ledger, &err);
    if (r == 0)
        r = log_start_writer(true);
    if (r == 0)
        r = helper_start(&s->closer, "closer");
    if (r == 0)
        r = helper_start(&s->paths, "paths");
    if (r == 0)
        r = supervisor_start(s, 0);
    if (r < 0)
        log_error("cannot start: %s", err.code ? err.text : err_words(r));
    return r;
}

static void
supervisor_free(struct supervisor *s)
{
    bool ended;

    supervisor_close_control(s);
    control_fini(&s->control);
    store_fini(&s->store);
    supervisor_close_pidfile(s, &s->next_pidfile);
    supervisor_close_pidfile(s, &s->pidfile);
    ended = helper_stop(&s->paths, HELPER_NS); /* what is still done for jobs needs the rest */
    notify_fini(&s->notify);
    values_fini(&s->values);
    ticket_keys_fini(&s->tickets);
    ledger_fini(&s->ledger);
    free(s->published);
    origin_free(s->origin, &s->closer);
    fd_close(s->signal_fd);
    ended = helper_stop(&s->closer, HELPER_NS) && ended;
    if (ended)
        free(s);
}

int
supervisor_run(int log_level, char **argv)
{
    struct supervisor *s;
    int status = EXIT_REFUSED;

    log_init("goevd", log_level);
    s = supervisor_new(argv);
    if (!s) {
        log_error("cannot start: %s", err_words(-ENOMEM));
        return status;
    }
    if (supervisor_begin(s) == 0) {
        while (supervisor_count(s) > 0 || !s->stopping)
            supervisor_round(s);
        control_reply_held(&s->control, HOLD_STOP, stopped, sizeof(stopped) - 1);
        log_info("stopped");
        status = s->status;
    }
    supervisor_free(s);
    log_fini();
    return status;
}
