#include "daemon/supervisor.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "daemon/control.h"
#include "daemon/exit.h"
#include "daemon/status.h"
#include "daemon/store.h"

#define CRASHES_MAX 10 /* so many within CRASH_WINDOW_NS end the supervisor */
#define CRASH_WINDOW_NS (60 * NS_PER_S)
#define RESTART_DELAY_FIRST_NS (100 * NS_PER_MS) /* doubled for each crash after the second */
#define RESTART_DELAY_MAX_NS NS_PER_S
#define STOP_GRACE_NS (2 * NS_PER_S) /* beyond the time that the worker asked for */
/* timeout(1) and others signal a process and then its group: so near, two signals are one. */
#define STOP_ECHO_NS (100 * NS_PER_MS)

struct worker {
    pid_t pid; /* 0: none */
    int fd;
    bool welcomed;
    bool ready;
    time_t since;
    uint64_t stop_timeout_ns;
};

struct supervisor {
    char **argv;
    char path[PATH_MAX]; /* of the binary, to be executed again */
    struct store store;
    struct worker worker;
    struct control control;
    int signal_fd;
    sigset_t old_mask;
    bool stopping;
    uint64_t stop_ns;    /* when it was first told to stop */
    bool was_ready;      /* a worker has served */
    uint64_t kill_ns;    /* 0, or when a draining worker is killed */
    uint64_t restart_ns; /* 0, or when the next worker starts */
    uint64_t crashes_ns[CRASHES_MAX];
    unsigned crashes;
    unsigned restarts;
    int status;
};

/* ---- Starting a worker ----------------------------------------------------------------------- */

/* The path, not the open file, so that a replaced binary is the one that runs next. */
static int
supervisor_find_binary(struct supervisor *s)
{
    ssize_t n = readlink("/proc/self/exe", s->path, sizeof(s->path) - 1);

    if (n < 0)
        return -errno;
    s->path[n] = '\0';
    return 0;
}

/* In the child: the same command line, and the socket to the supervisor. */
static void
supervisor_exec(struct supervisor *s, int fd)
{
    char flag[32], *argv[64];
    int n = 0;

    while (s->argv[n] && n < (int)ARRAY_LEN(argv) - 2) {
        argv[n] = s->argv[n];
        n++;
    }
    snprintf(flag, sizeof(flag), "--worker=%d", fd);
    argv[n++] = flag;
    argv[n] = NULL;
    fd_set_cloexec(fd, false);
    sigprocmask(SIG_SETMASK, &s->old_mask, NULL);
    execv(s->path, argv);
    log_error("cannot execute %s: %s", s->path, err_words(errno));
    _exit(EXIT_REFUSED);
}

static int
supervisor_spawn(struct supervisor *s)
{
    struct err err = {0};
    int pair[2];
    pid_t pid;

    s->restart_ns = 0;
    if (proto_pair(pair, &err) < 0) {
        log_error("%s", err.text);
        return err.code;
    }
    pid = fork();
    if (pid == 0)
        supervisor_exec(s, pair[1]);
    fd_close(pair[1]);
    if (pid < 0) {
        int r = -errno;

        log_error("cannot start a worker: %s", err_words(r));
        fd_close(pair[0]);
        return r;
    }
    s->worker = (struct worker){.pid = pid, .fd = pair[0], .since = time(NULL)};
    return 0;
}

/* ---- What a worker says -----------------------------------------------------------------------
 */

static int
supervisor_refuse(struct supervisor *s, const struct err *err)
{
    struct proto_refused refused = {.code = err->code};

    snprintf(refused.text, sizeof(refused.text), "%.*s", PROTO_TEXT_MAX - 1, err->text);
    return proto_send(s->worker.fd, PROTO_REFUSED, &refused, sizeof(refused), NULL, 0);
}

static int
supervisor_on_hello(struct supervisor *s, const struct proto_hello *hello)
{
    struct err err = {0};

    if (hello->major == PROTO_MAJOR) {
        s->worker.welcomed = true;
        return proto_send(s->worker.fd, PROTO_WELCOME, NULL, 0, NULL, 0);
    }
    err_set(&err, -EPROTO,
            "the worker on disk speaks version %u.%u and the running supervisor %d.%d: restart "
            "goevd instead of reloading it",
            hello->major, hello->minor, PROTO_MAJOR, PROTO_MINOR);
    return supervisor_refuse(s, &err);
}

static int
supervisor_send_sockets(struct supervisor *s, const struct address *bound, const int *fds,
                        unsigned count)
{
    int r = 0;

    for (unsigned sent = 0; r == 0 && sent < count;) {
        unsigned n = MIN(count - sent, PROTO_FDS_CHUNK);
        struct proto_sockets sockets = {.bound = *bound, .left = count - sent - n};

        r = proto_send(s->worker.fd, PROTO_SOCKETS, &sockets, sizeof(sockets), fds + sent, n);
        sent += n;
    }
    return r;
}

static int
supervisor_on_listen(struct supervisor *s, const struct proto_listen *listen)
{
    struct address bound;
    struct err err = {0};
    unsigned count;
    const int *fds;

    if (store_get(&s->store, listen, &bound, &fds, &count, &err) < 0)
        return supervisor_refuse(s, &err);
    return supervisor_send_sockets(s, &bound, fds, count);
}

/* Without a control socket it goes on serving. */
static int
supervisor_on_ready(struct supervisor *s, const struct proto_ready *ready)
{
    char path[PROTO_PATH_MAX];
    struct err err = {0};

    s->worker.ready = s->was_ready = true;
    s->worker.stop_timeout_ns = ready->stop_timeout_ns;
    snprintf(path, sizeof(path), "%.*s", PROTO_PATH_MAX - 1, ready->control);
    if (!s->stopping && control_open(&s->control, path, &err) < 0)
        log_error("control.socket: %s", err.text);
    return 0;
}

static int
supervisor_on_message(struct supervisor *s, const struct proto_message *m)
{
    if (!s->worker.welcomed && m->type != PROTO_HELLO)
        return -EPROTO;
    switch (m->type) {
    case PROTO_HELLO:
        return supervisor_on_hello(s, &m->hello);
    case PROTO_LISTEN:
        return supervisor_on_listen(s, &m->listen);
    case PROTO_READY:
        return supervisor_on_ready(s, &m->ready);
    default:
        log_warning("worker %d said something unknown (%u); it is newer than this supervisor",
                    (int)s->worker.pid, m->type);
        return 0;
    }
}

static void
supervisor_hear(struct supervisor *s)
{
    struct proto_message message;
    int r = proto_receive(s->worker.fd, &message, NULL, 0, NULL);

    if (r == 0)
        r = supervisor_on_message(s, &message);
    if (r < 0)
        s->worker.fd = fd_close(s->worker.fd); /* its end comes as SIGCHLD */
}

/* ---- What is asked at the control socket -------------------------------------------------------
 */

static const char *
supervisor_state(const struct supervisor *s)
{
    if (s->stopping)
        return "stopping";
    if (!s->worker.pid)
        return "restarting";
    return s->worker.ready ? "serving" : "starting";
}

static void
supervisor_reply_status(const struct supervisor *s, struct control_client *client)
{
    struct status status = {.state = supervisor_state(s),
                            .supervisor = getpid(),
                            .worker = s->worker.pid,
                            .since = s->worker.since,
                            .restarts = s->restarts};
    char text[STATUS_TEXT_MAX];

    control_reply(client, text, status_text(&status, text));
}

/* What is not its own it passes on; the worker answers the client itself. */
static void
supervisor_on_request(struct control_client *client, const char *request, void *arg)
{
    struct supervisor *s = arg;
    int r;

    static_assert(CONTROL_REQUEST_MAX < PROTO_REQUEST_MAX && CONTROL_PATH_MAX < PROTO_PATH_MAX,
                  "what the control socket takes fits a message");
    if (strcmp(request, "status") == 0) {
        supervisor_reply_status(s, client);
        return;
    }
    if (!s->worker.ready || s->worker.fd < 0) {
        control_refuse(client, "no worker serves at present; status says why");
        return;
    }
    r = proto_try_send(s->worker.fd, PROTO_CONTROL, request, strlen(request) + 1, &client->fd, 1);
    if (r < 0)
        control_refuse(client, "the worker does not listen: %s", err_words(r));
    else
        fd_close(control_take(client));
}

/* ---- The end of a worker ----------------------------------------------------------------------
 */

static void
supervisor_log_death(pid_t pid, int status)
{
    if (WIFSIGNALED(status))
        log_error("worker %d was killed by signal %d (%s)%s", (int)pid, WTERMSIG(status),
                  sigdescr_np(WTERMSIG(status)), WCOREDUMP(status) ? ", core dumped" : "");
    else
        log_error("worker %d ended with status %d", (int)pid, WEXITSTATUS(status));
}

/* The crashes within the window, this one included. */
static unsigned
supervisor_count_crash(struct supervisor *s, uint64_t now)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < s->crashes; i++)
        if (now - s->crashes_ns[i] < CRASH_WINDOW_NS)
            s->crashes_ns[kept++] = s->crashes_ns[i];
    if (kept < CRASHES_MAX)
        s->crashes_ns[kept++] = now;
    s->crashes = kept;
    return kept;
}

/* At once the first time, later and later after that. */
static void
supervisor_replace(struct supervisor *s)
{
    uint64_t now = clock_now_ns(), delay = 0;
    unsigned crashes = supervisor_count_crash(s, now);

    if (crashes >= CRASHES_MAX) {
        log_error("%u workers died within %d s: giving up", crashes,
                  (int)(CRASH_WINDOW_NS / NS_PER_S));
        s->status = EXIT_CRASHING;
        s->stopping = true;
        return;
    }
    if (crashes > 1)
        delay = MIN(RESTART_DELAY_FIRST_NS << (crashes - 2), RESTART_DELAY_MAX_NS);
    s->restart_ns = now + MAX(delay, 1);
    log_notice("starting another worker%s", delay ? " after a pause" : "");
}

static void
supervisor_reap(struct supervisor *s)
{
    pid_t pid;
    int status;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        bool clean = WIFEXITED(status) && WEXITSTATUS(status) == EXIT_OK;

        if (pid != s->worker.pid)
            continue;
        fd_close(s->worker.fd);
        s->worker = (struct worker){.fd = -1};
        if (s->stopping) {
            if (!clean)
                supervisor_log_death(pid, status);
        } else if (!s->was_ready) {
            s->status = EXIT_REFUSED; /* the first worker has said why itself */
            s->stopping = true;
            if (WIFSIGNALED(status))
                supervisor_log_death(pid, status);
        } else {
            supervisor_log_death(pid, status);
            supervisor_replace(s);
        }
    }
}

/* ---- Stopping ---------------------------------------------------------------------------------
 */

static void
supervisor_stop(struct supervisor *s, int signal)
{
    struct proto_stop stop = {.now = s->stopping};
    uint64_t now = clock_now_ns();

    if (s->stopping && now - s->stop_ns < STOP_ECHO_NS)
        return;
    log_notice("SIG%s: %s", sigabbrev_np(signal), s->stopping ? "stopping now" : "stopping");
    if (!s->stopping)
        s->stop_ns = now;
    s->stopping = true;
    s->restart_ns = 0;
    control_close(&s->control);
    store_fini(&s->store); /* who knocks from now on is refused */
    if (!s->worker.pid)
        return;
    s->kill_ns = now + STOP_GRACE_NS + (stop.now ? 0 : s->worker.stop_timeout_ns);
    /* One that does not serve yet has nobody to say goodbye to. */
    if (s->worker.fd < 0 || !s->worker.ready ||
        proto_send(s->worker.fd, PROTO_STOP, &stop, sizeof(stop), NULL, 0) < 0)
        kill(s->worker.pid, SIGKILL);
}

static void
supervisor_on_signal(struct supervisor *s)
{
    struct signalfd_siginfo info;

    if (read(s->signal_fd, &info, sizeof(info)) != sizeof(info))
        return;
    if (info.ssi_signo == SIGCHLD)
        supervisor_reap(s);
    else if (info.ssi_signo == SIGHUP)
        log_warning("SIGHUP: this version cannot reload; restart goevd to change its "
                    "configuration");
    else
        supervisor_stop(s, (int)info.ssi_signo);
}

/* ---- The loop ---------------------------------------------------------------------------------
 */

static int
supervisor_timeout_ms(const struct supervisor *s)
{
    uint64_t due = s->kill_ns ? s->kill_ns : s->restart_ns, now = clock_now_ns();
    uint64_t control = control_due_ns(&s->control);

    if (control && (!due || control < due))
        due = control;
    if (!due)
        return -1;
    return due > now ? (int)((due - now) / NS_PER_MS + 1) : 0;
}

static void
supervisor_on_time(struct supervisor *s)
{
    uint64_t now = clock_now_ns();

    if (s->kill_ns && now >= s->kill_ns && s->worker.pid) {
        log_error("worker %d did not stop in time: killing it", (int)s->worker.pid);
        kill(s->worker.pid, SIGKILL);
        s->kill_ns = now + STOP_GRACE_NS;
    }
    if (s->restart_ns && now >= s->restart_ns) {
        if (supervisor_spawn(s) < 0)
            supervisor_replace(s);
        else
            s->restarts++;
    }
}

static void
supervisor_loop(struct supervisor *s)
{
    while (s->worker.pid || !s->stopping) {
        struct pollfd fds[2 + CONTROL_FDS] = {{.fd = s->signal_fd, .events = POLLIN},
                                              {.fd = s->worker.fd, .events = POLLIN}};

        control_poll(&s->control, fds + 2);
        if (poll(fds, ARRAY_LEN(fds), supervisor_timeout_ms(s)) < 0 && errno != EINTR) {
            log_error("the supervisor cannot wait: %s", err_words(errno));
            s->status = EXIT_CRASHING;
            return;
        }
        if (fds[1].revents)
            supervisor_hear(s);
        if (fds[0].revents)
            supervisor_on_signal(s);
        control_handle(&s->control, fds + 2);
        supervisor_on_time(s);
    }
}

static int
supervisor_init(struct supervisor *s)
{
    sigset_t mask;
    int r = supervisor_find_binary(s);

    if (r < 0)
        return r;
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&mask);
    sigaddset(&mask, SIGTERM);
    sigaddset(&mask, SIGINT);
    sigaddset(&mask, SIGHUP);
    sigaddset(&mask, SIGCHLD);
    sigprocmask(SIG_BLOCK, &mask, &s->old_mask);
    s->signal_fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
    return s->signal_fd < 0 ? -errno : 0;
}

int
supervisor_run(const struct cli *cli, char **argv)
{
    struct supervisor s = {.argv = argv, .worker.fd = -1, .signal_fd = -1};
    int r;

    log_init("goevd", cli_log_level(cli, LOG_NOTICE));
    control_init(&s.control, supervisor_on_request, &s);
    r = supervisor_init(&s);
    if (r == 0)
        r = supervisor_spawn(&s);
    if (r < 0) {
        log_error("cannot start: %s", err_words(r));
        return EXIT_REFUSED;
    }
    supervisor_loop(&s);
    control_fini(&s.control);
    store_fini(&s.store);
    fd_close(s.signal_fd);
    log_info("stopped");
    return s.status;
}
