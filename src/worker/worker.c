#include "worker/worker.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/heap.h"
#include "base/log.h"
#include "ctl/control.h"
#include "ctl/status.h"
#include "process/exit.h"
#include "process/notify.h"
#include "process/signals.h"
#include "worker/certificates.h"
#include "worker/commands.h"
#include "worker/crash.h"
#include "worker/engine.h"
#include "worker/glance.h"
#include "worker/heartbeat.h"
#include "worker/tickets.h"
#include "worker/watchdog.h"
#include "worker/worker_log.h"

#define WORKER_FDS (4 + CONTROL_FDS) /* that the main thread waits for */
#define WARN_NS (86400 * NS_PER_S)   /* between two warnings of certificates */
#define COLLECT_NS NS_PER_S          /* between two of these while it drains */
#define MINOR_CUT 5        /* the first version of the supervisor that counts cut connections */
#define FDS_RESERVED 65536 /* half a MiB of memory of the kernel */

struct worker_process {
    const struct worker_options *options;
    struct generation generation;
    struct setup setup;
    struct parent parent;
    struct engine engine;
    struct settings settings;
    struct watchdog *watchdog; /* NULL: there is none */
    struct control control;    /* listens only with --single */
    struct notify notify;      /* likewise speaks */
    int signal_fd;
    struct worker_log log;
    unsigned stops;   /* how often a stop was requested */
    bool replaced;    /* another worker serves */
    uint64_t stop_ns; /* when a stop was first requested */
    uint64_t soon_ns; /* with --single: 0, or when stop_delay ends and it stops */
    struct watchdog_main main;
    struct heartbeat heartbeat;
    struct heap heap;
    struct tickets tickets;
    uint64_t deadline_ns; /* of draining */
    uint64_t collect_ns;  /* 0, or when the metrics are brought up to date for others to read */
    uint64_t sample_ns;   /* when the history is sampled */
    uint64_t warned_ns;   /* when the certificates were looked at */

    _Atomic(const char *) replace; /* why another worker is to take over; NULL: none is */
};

/* ---- Starting -------------------------------------------------------------------------------- */

/* A path that means the same wherever goevd ctl is run. */
static void
worker_config_path(const char *file, char *ret, size_t size)
{
    char here[PATH_MAX];

    if (*file == '/' || !getcwd(here, sizeof(here)) ||
        (size_t)snprintf(ret, size, "%s/%s", here, file) >= size)
        snprintf(ret, size, "%s", file);
}

static int
worker_say_ready(struct worker_process *w, struct err *reterr)
{
    const struct config *config = w->setup.config;
    const struct config_processes *processes = config->processes;
    const struct config_hang *hang = w->settings.present->hang;
    struct proto_ready ready = {.stop_timeout_ns = (uint64_t)config->stop_timeout_ns,
                                .stop_delay_ns = (uint64_t)config->stop_delay_ns,
                                .drain_timeout_ns = (uint64_t)processes->drain_timeout_ns,
                                .drain_min_ns = (uint64_t)processes->drain_min_ns,
                                .start_timeout_ns = (uint64_t)processes->start_timeout_ns,
                                .crash_window_ns = (uint64_t)processes->crash_window_ns,
                                .restart_timeout_ns = (uint64_t)processes->restart_timeout_ns,
                                .crashes_max = (uint32_t)processes->crashes_max,
                                .workers_max = (uint32_t)processes->workers_max,
                                .log_level = (uint32_t)log_get_level(),
                                .hang_abort = hang->action == CONFIG_HANG_ABORT,
                                .hang_silence_ns = (uint64_t)hang->timeout_ns};
    struct err err = {0};
    int r;

    if (w->parent.fd < 0) {
        if (store_commit(&w->parent.own, &err) < 0)
            log_warning("a listening socket stays as it was: %s", err.text);
        notify_say(&w->notify, NOTIFY_STATE, "READY=1");
        notify_time(&w->notify, clock_now_ns());
        return 0;
    }
    if (config->control_socket.data)
        snprintf(ready.control, sizeof(ready.control), "%s", config->control_socket.data);
    worker_config_path(w->options->config_file, ready.config, sizeof(ready.config));
    r = proto_send(w->parent.fd, PROTO_READY, &ready, sizeof(ready), NULL, 0);
    return r < 0 ? err_set_errno(reterr, r, "the supervisor does not listen") : 0;
}

/* Add advice for resources that any call may lack. */
static void
worker_advise(struct err *err)
{
    size_t len = strlen(err->text);

    if (err->code == -EMFILE)
        snprintf(err->text + len, sizeof(err->text) - len,
                 "; raise open_files_max or 'ulimit -n', or use fewer pollers");
}

static void
worker_say_failed(struct worker_process *w, const struct err *err)
{
    struct proto_failed failed = {0};
    FILE *out = fmemopen(failed.text, sizeof(failed.text), "w");

    if (!out)
        return;
    if (err->code)
        fprintf(out, "%s\n", err->text);
    conf_errors_print(&w->setup.errors, out);
    fclose(out);
    proto_send(w->parent.fd, PROTO_FAILED, &failed, sizeof(failed), NULL, 0);
}

/* Why it does not serve, or no longer: each reason once, by the supervisor if that has a log
 * already.
 */
static void
worker_report_failure(struct worker_process *w, struct err *err)
{
    worker_advise(err);
    if (w->parent.fd >= 0)
        worker_say_failed(w, err);
    if (w->parent.fd >= 0 && w->parent.quiet)
        return;
    if (err->code)
        worker_log_failure(err);
    conf_errors_print(&w->setup.errors, stderr);
}

/* Whatever becomes of it, goevd serves. */
static void
worker_open_control(struct worker_process *w)
{
    const char *path = w->setup.config->control_socket.data;
    struct err err = {0};

    if (w->parent.fd < 0 && path && control_open(&w->control, path, &err) < 0)
        log_error("control.socket: %s", err.text);
}

/* [watchdog] */
static void
worker_on_look(void *arg)
{
    struct worker_process *w = arg;

    heartbeat_time(&w->heartbeat);
}

/* A worker without a supervisor may be in a debugger, and would not be replaced. */
static int
worker_watch(struct worker_process *w, struct err *reterr)
{
    const struct config_hang *hang = w->settings.present->hang;
    struct watchdog_config config = {
        .timeout_ns = (uint64_t)hang->timeout_ns,
        .abort = hang->action == CONFIG_HANG_ABORT && w->options->parent_fd >= 0,
        .reactors = w->engine.reactors,
        .reactor_count = w->engine.reactor_count,
        .main = &w->main,
        .on_look = worker_on_look,
        .arg = w,
    };

    heartbeat_set(&w->heartbeat, hang);
    return watchdog_start(&config, &w->watchdog, reterr);
}

/* For plugins, which ask while they are created. */
static int
worker_open_file(void *arg, const char *option, const char *path, struct err *reterr)
{
    return parent_open_file(arg, option, path, reterr);
}

/* [any thread] */
static void
worker_want_replace(void *arg, const char *why)
{
    struct worker_process *w = arg;

    atomic_store(&w->replace, why);
    eventfd_write(w->log.held_fd, 1); /* it wakes the main thread */
}

/* Do all that needs privileges, then drop them: before there is another thread, and before plugins
 * have made objects. The log's is the first one. */
static int
worker_settle(struct worker_process *w, struct err *reterr)
{
    const struct config *config = w->setup.config;
    bool alone = w->parent.fd < 0;
    int r = engine_raise_files(config, reterr);

    fd_reserve(FDS_RESERVED);
    if (r == 0)
        r = worker_log_open(&w->log, config->log, &w->parent, reterr);
    if (r == 0 && config->pid_file.data)
        r = parent_hold_pidfile(&w->parent, config->pid_file.data, reterr);
    if (r == 0)
        r = privileges_drop(&w->setup.privileges, alone, reterr);
    if (r == 0 && (r = log_start_writer(false)) < 0)
        err_set_errno(reterr, r, "cannot start the thread of the log");
    return r;
}

/* poll(2) refuses more descriptors than may be open, even if most of them are none. */
static int
worker_check_files(struct err *reterr)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= WORKER_FDS)
        return 0;
    return err_set_errno(reterr, -EMFILE, "a worker waits for %d files and may open %llu",
                         WORKER_FDS, (unsigned long long)limit.rlim_cur);
}

/* Others than those that are watched by: the thread begins anew with them. */
static void
worker_on_hang(void *arg)
{
    struct worker_process *w = arg;
    struct err err = {0};

    watchdog_stop(w->watchdog);
    heartbeat_set(&w->heartbeat, w->settings.present->hang);
    heartbeat_time(&w->heartbeat); /* the supervisor has to learn of it before the next look */
    if (worker_watch(w, &err) < 0)
        log_error("%s; hanging pollers will not be found", err.text);
}

static int
worker_create(struct worker_process *w, struct err *reterr)
{
    _cleanup_fd_ int fd = -1;
    int r = parent_get_counts(&w->parent, &w->engine.reader, &fd, reterr);

    if (r < 0)
        return r;
    r = setup_create(&w->setup, fd, engine_pollers(&w->engine));
    if (r == 0)
        history_init(&w->engine.history, &w->engine.reader, &w->setup.plugins.registry);
    return r;
}

/* Certificates grow old while it serves. */
static void
worker_warn(struct worker_process *w, uint64_t now_ns)
{
    if (w->warned_ns && now_ns - w->warned_ns > WARN_NS)
        certificates_warn(&w->setup);
    if (!w->warned_ns || now_ns - w->warned_ns > WARN_NS)
        w->warned_ns = now_ns;
}

/* The points of plots are taken even if no client reads them. */
static void
worker_sample(struct worker_process *w)
{
    uint64_t now = clock_now_ns();

    if (now < w->sample_ns)
        return;
    tickets_time(&w->tickets, now);
    worker_warn(w, now);
    history_sample(&w->engine.history, heartbeat_load(&w->engine).open, now);
    w->sample_ns = now + HISTORY_TICK_NS;
}

/* Everything that may be refused comes before the first socket. Reasons that have a place in the
 * configuration are printed where they are found; the others go to reterr. */
static int
worker_start(struct worker_process *w, struct err *reterr)
{
    int r;

    w->signal_fd = signals_open(false, NULL);
    if (w->signal_fd < 0)
        return err_set_errno(reterr, w->signal_fd, "cannot receive signals");
    r = parent_init(&w->parent, w->options->parent_fd, reterr);
    if (r == 0)
        r = generation_init(&w->generation, &w->parent, reterr);
    if (r == 0)
        r = setup_load(&w->setup, w->options, &w->generation);
    if (r < 0)
        return r;
    assert(w->setup.config);
    log_set_level(worker_options_level(w->options, w->setup.config->log_level));
    settings_init(&w->settings, &w->setup, &w->engine, &w->parent, w->options);
    w->settings.on_hang = worker_on_hang;
    w->settings.arg = w;
    w->setup.plugins.open_file = worker_open_file;
    w->setup.plugins.open_arg = &w->parent;
    w->setup.plugins.replace = worker_want_replace;
    w->setup.plugins.replace_arg = w;
    w->setup.plugins.overview = glance_text;
    w->setup.plugins.overview_arg = &w->engine;
    r = worker_settle(w, reterr);
    if (r == 0)
        certificates_warn(&w->setup);
    if (r == 0)
        r = engine_init(&w->engine, &w->setup, reterr);
    if (r == 0)
        r = worker_create(w, reterr);
    if (r == 0)
        r = tickets_init(&w->tickets, &w->parent, &w->setup, reterr);
    if (r == 0)
        r = engine_start(&w->engine, &w->parent, reterr);
    if (r == 0)
        r = heartbeat_init(&w->heartbeat, w->parent.fd, &w->engine, reterr);
    if (r == 0)
        r = worker_watch(w, reterr);
    if (r == 0)
        r = settings_recall(&w->settings, reterr);
    if (r == 0)
        r = worker_check_files(reterr);
    if (r == 0)
        r = generation_keep(&w->generation, &w->parent, &w->setup.plugins, reterr);
    if (r == 0) { /* before a client can take the first sample */
        history_inherit(&w->engine.history, clock_now_ns());
        worker_sample(w);
        r = worker_say_ready(w, reterr);
    }
    if (r == 0)
        r = engine_accept(&w->engine, reterr);
    if (r == 0) {
        settings_drop(&w->settings);
        worker_open_control(w);
    }
    return r;
}

/* ---- The control socket ---------------------------------------------------------------------- */

static void
worker_reply_status(struct worker_process *w, struct control_client *client)
{
    struct status status;

    glance_status(&w->engine, &status);
    status_reply(&status, client);
}

static void
worker_reply_reopen(struct worker_process *w, struct control_client *client)
{
    static const char reopened[] = "reopened\n";
    struct err err = {0};

    if (worker_log_reopen(&w->log, &w->setup.plugins, "goevd ctl reopen", &err) < 0)
        control_refuse(client, "%s", err.text);
    else
        control_reply(client, reopened, sizeof(reopened) - 1);
}

static void
worker_on_request(struct control_client *client, const char *request, void *arg)
{
    struct worker_process *w = arg;

    if (strcmp(request, "status") == 0 && w->parent.fd < 0)
        worker_reply_status(w, client);
    else if (strcmp(request, "reopen") == 0 && w->parent.fd < 0)
        worker_reply_reopen(w, client);
    else
        commands_answer(&w->settings, client, request);
}

/* Messages that cannot be sent now are sent later, in a round of the main loop. */
static void
worker_say_replace(struct worker_process *w)
{
    const char *why = atomic_load_explicit(&w->replace, memory_order_relaxed);
    struct proto_replace replace = {0};

    if (!why || w->stops || w->parent.fd < 0)
        return;
    snprintf(replace.why, sizeof(replace.why), "%s", why);
    if (proto_try_send(w->parent.fd, PROTO_REPLACE, &replace, sizeof(replace), NULL, 0) == 0)
        atomic_store(&w->replace, NULL);
}

/* ---- Serving --------------------------------------------------------------------------------- */

/* `replaced`: another worker serves, there is more time. One that drains for that may have to stop
 * with goevd: then it has stop_timeout. */
static void
worker_stop(struct worker_process *w, bool replaced)
{
    const struct config *config = w->setup.config;
    int64_t timeout_ns = replaced ? config->processes->drain_timeout_ns : config->stop_timeout_ns;
    uint64_t deadline_ns = clock_now_ns() + (uint64_t)timeout_ns;
    bool sooner = w->stops == 1 && w->replaced && !replaced;

    w->replaced = replaced;
    w->soon_ns = 0;
    atomic_store(&w->setup.plugins.replaced, replaced);
    if (!replaced)
        atomic_store(&w->setup.plugins.stopping, true);
    if (sooner) {
        w->deadline_ns = MIN(w->deadline_ns, deadline_ns);
        return;
    }
    w->stops++;
    if (w->stops > 1) {
        w->deadline_ns = 0;
        return;
    }
    w->stop_ns = clock_now_ns();
    w->deadline_ns = deadline_ns;
    engine_drain(&w->engine);
    notify_say(&w->notify, NOTIFY_STATE, "STOPPING=1");
    if (w->parent.fd >= 0)
        proto_try_send(w->parent.fd, PROTO_DRAINING, NULL, 0, NULL, 0);
    control_close(&w->control);
    store_fini(&w->parent.own);
}

/* With --single there is no supervisor to wait for the end of stop_delay. */
static void
worker_stop_alone(struct worker_process *w)
{
    uint64_t delay_ns = (uint64_t)w->setup.config->stop_delay_ns;

    if (w->stops || w->soon_ns || !delay_ns) {
        worker_stop(w, false);
        return;
    }
    log_notice("stopping in %g s (stop_delay)", (double)delay_ns / NS_PER_S);
    w->soon_ns = clock_now_ns() + delay_ns;
    atomic_store(&w->setup.plugins.stopping, true);
    notify_say(&w->notify, NOTIFY_STATE, "STOPPING=1");
}

/* A signal to the process group has reached the supervisor too, which then sends a request. */
static void
worker_on_signal(struct worker_process *w)
{
    struct signalfd_siginfo info;
    struct err err = {0};

    if (read(w->signal_fd, &info, sizeof(info)) != sizeof(info) || w->parent.fd >= 0)
        return;
    if (info.ssi_signo == SIGUSR1) {
        if (worker_log_reopen(&w->log, &w->setup.plugins, "SIGUSR1", &err) < 0)
            log_error("SIGUSR1: %s; the log goes on as it is", err.text);
    } else if (info.ssi_signo != SIGHUP) {
        worker_stop_alone(w);
    }
}

static void
worker_on_stop(struct worker_process *w, const struct proto_stop *stop)
{
    if (stop->soon) {
        atomic_store(&w->setup.plugins.stopping, true);
        return;
    }
    if (stop->now)
        w->stops = MAX(w->stops, 1) + 1;
    worker_stop(w, stop->replaced);
}

static void
worker_receive(struct worker_process *w)
{
    struct proto_message m;
    unsigned fds = 0;
    int fd = -1, r = proto_receive(w->parent.fd, &m, &fd, 1, &fds);

    if (r == 0 && m.type == PROTO_CONTROL && fds == 1) {
        m.control.request[PROTO_REQUEST_MAX - 1] = '\0';
        control_adopt(&w->control, fd, m.control.request);
        return;
    }
    if ((r == 0 || r == -EMFILE) && m.type == PROTO_LOG_FILE) {
        worker_log_take(w->parent.fd, r < 0 ? r : fd);
        return;
    }
    if ((r == 0 || r == -EMFILE) && m.type == PROTO_FILE_NEW) {
        worker_log_take_file(w->parent.fd, &w->setup.plugins, m.file_new.nth, r < 0 ? r : fd);
        return;
    }
    if (r == 0 && m.type == PROTO_COUNTS && fds == 1) {
        reader_add_peer(&w->engine.reader, m.counts.id, fd, NULL); /* else its counts are missing */
        fd_close(fd);
        return;
    }
    if (r == -EMFILE) {
        log_warning("cannot answer a client of the control socket: %s (open_files_max is the "
                    "limit)",
                    err_words(r));
        return;
    }
    if (r == 0 && fds == 1)
        fd_close(fd);
    if (r == 0 && m.type == PROTO_VALUE) {
        m.value.name[PROTO_NAME_MAX - 1] = m.value.value[PROTO_VALUE_MAX - 1] = '\0';
        settings_follow(&w->settings, m.value.name, m.value.unset ? NULL : m.value.value);
    } else if (r == 0 && m.type == PROTO_STOP) {
        worker_on_stop(w, &m.stop);
    } else if (r < 0) {
        log_error("the supervisor is gone: stopping");
        w->parent.fd = fd_close(w->parent.fd);
        worker_stop(w, false);
    }
}

/* A serving worker collects on request. A draining one gets no requests, so it does so here. */
static void
worker_collect(struct worker_process *w)
{
    uint64_t now = clock_now_ns();

    if (!w->stops || now < w->collect_ns)
        return;
    engine_collect(&w->engine);
    w->collect_ns = now + COLLECT_NS;
}

static int
worker_timeout_ms(const struct worker_process *w)
{
    uint64_t now = clock_now_ns(), due = control_due_ns(&w->control), held = log_held_due_ns();
    uint64_t notify = notify_due_ns(&w->notify);

    if (w->stops && (!due || w->deadline_ns < due))
        due = w->deadline_ns;
    if (!w->watchdog && w->heartbeat.fd >= 0 && (!due || w->heartbeat.due_ns < due))
        due = w->heartbeat.due_ns;
    if (w->collect_ns && (!due || w->collect_ns < due))
        due = w->collect_ns;
    if (!due || w->sample_ns < due)
        due = w->sample_ns;
    if (w->soon_ns && (!due || w->soon_ns < due))
        due = w->soon_ns;
    if (held && (!due || held < due))
        due = held;
    if (log_has_lost() && (!due || now + LOG_RETRY_NS < due))
        due = now + LOG_RETRY_NS;
    if (notify && (!due || notify < due))
        due = notify;
    if (!due || w->heap.due_ns < due)
        due = w->heap.due_ns;
    return due > now ? (int)MIN((due - now) / NS_PER_MS + 1, (uint64_t)INT_MAX) : 0;
}

/* Log the number of connections that did not finish in time, and send it to the supervisor. */
static void
worker_note_cut(struct worker_process *w)
{
    struct proto_cut cut = {.connections = engine_count(&w->engine)};
    double after_s = (double)(clock_now_ns() - w->stop_ns) / NS_PER_S;
    const char *many = cut.connections == 1 ? "" : "s";

    if (w->stops > 1)
        log_notice("worker %d: told to stop now; %" PRIu64 " connection%s cut after %.0f s",
                   (int)getpid(), cut.connections, many, after_s);
    else
        log_warning("worker %d: drained; %" PRIu64 " connection%s cut after %.0f s (%s)",
                    (int)getpid(), cut.connections, many, after_s,
                    w->replaced ? "processes.drain_timeout" : "stop_timeout");
    if (w->parent.fd >= 0 && w->parent.minor >= MINOR_CUT)
        proto_try_send(w->parent.fd, PROTO_CUT, &cut, sizeof(cut), NULL, 0);
}

static int
worker_wait(struct worker_process *w, struct pollfd *fds, nfds_t count)
{
    int r;

    atomic_store(&w->main.rests, true);
    r = poll(fds, count, worker_timeout_ms(w));
    atomic_store(&w->main.rests, false);
    atomic_fetch_add(&w->main.turns, 1);
    return r < 0 && errno != EINTR ? -errno : 0;
}

/* Until it has drained. A negative errno: it cannot go on. */
static int
worker_serve(struct worker_process *w, struct err *reterr)
{
    while (!w->stops || clock_now_ns() < w->deadline_ns) {
        struct pollfd fds[WORKER_FDS] = {{.fd = w->signal_fd, .events = POLLIN},
                                         {.fd = w->engine.drained_fd, .events = POLLIN},
                                         {.fd = w->parent.fd, .events = POLLIN},
                                         {.fd = w->log.held_fd, .events = POLLIN}};
        int r;

        control_poll(&w->control, fds + 4);
        r = worker_wait(w, fds, ARRAY_LEN(fds));
        if (r < 0)
            return err_set_errno(reterr, r, "the worker cannot wait for events");
        if (fds[0].revents)
            worker_on_signal(w);
        if (fds[2].revents)
            worker_receive(w);
        control_handle(&w->control, fds + 4);
        heap_trim(&w->heap, clock_now_ns());
        if (!w->watchdog)
            heartbeat_time(&w->heartbeat);
        notify_time(&w->notify, clock_now_ns());
        worker_log_tell(&w->log);
        worker_say_replace(w);
        worker_collect(w);
        worker_sample(w);
        if (w->soon_ns && clock_now_ns() >= w->soon_ns)
            worker_stop(w, false);
        if (fds[1].revents)
            return 0;
    }
    worker_note_cut(w);
    return 0;
}

/* ---- All of it ------------------------------------------------------------------------------- */

static void
worker_fini(struct worker_process *w)
{
    control_fini(&w->control);
    notify_fini(&w->notify);
    engine_stop(&w->engine);
    watchdog_stop(w->watchdog);
    heartbeat_fini(&w->heartbeat);
    plugins_destroy(&w->setup.plugins);
    history_fini(&w->engine.history);
    engine_fini(&w->engine);
    tickets_fini(&w->tickets);
    settings_fini(&w->settings);
    setup_fini(&w->setup);
    generation_fini(&w->generation);
    parent_fini(&w->parent);
    worker_log_fini(&w->log);
    fd_close(w->signal_fd);
}

int
worker_run(const struct worker_options *options)
{
    struct worker_process w = {.options = options,
                               .signal_fd = -1,
                               .log.held_fd = -1,
                               .parent.fd = -1,
                               .generation = {.fd = -1, .binary = -1},
                               .notify.fd = -1,
                               .heartbeat.fd = -1,
                               .main = {.thread = pthread_self(), .rests = true}};
    struct err err = {0};
    int r, status = EXIT_OK;

    prctl(PR_SET_NAME, program_invocation_short_name); /* else that of a descriptor, perhaps */
    log_init("goevd", worker_options_level(options, LOG_NOTICE));
    crash_install();
    control_init(&w.control, worker_on_request, &w);
    if (options->parent_fd < 0)
        notify_init(&w.notify);
    w.engine.drained_fd = -1;
    r = worker_start(&w, &err);
    if (r == 0) {
        engine_log(&w.engine);
        engine_announce(&w.engine, (int)(w.parent.fd < 0 ? getpid() : getppid()));
        heap_begin(&w.heap, clock_now_ns());
        r = worker_serve(&w, &err);
        atomic_store(&w.main.rests, true);
    }
    if (r == -ECANCELED)
        r = 0; /* a stop was requested before it had begun */
    else if (r < 0 || err.code)
        worker_report_failure(&w, &err);
    if (r < 0)
        status = w.setup.errors.found > 0 ? EXIT_CONFIG : EXIT_REFUSED;
    worker_fini(&w);
    log_fini();
    return status;
}
