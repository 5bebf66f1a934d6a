#include "daemon/worker.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "daemon/engine.h"
#include "daemon/exit.h"

struct worker_process {
    const struct cli *cli;
    struct setup setup;
    struct sockets sockets;
    struct engine engine;
    int signal_fd;
    unsigned stops;       /* how often it was told to stop */
    uint64_t deadline_ns; /* of draining */
};

/* ---- Starting -------------------------------------------------------------------------------- */

/* Before any thread exists, so that all of them have these blocked. */
static int
worker_take_signals(struct worker_process *w, struct err *reterr)
{
    sigset_t mask;

    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&mask);
    sigaddset(&mask, SIGTERM);
    sigaddset(&mask, SIGINT);
    sigaddset(&mask, SIGHUP);
    sigprocmask(SIG_BLOCK, &mask, NULL);
    w->signal_fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
    return w->signal_fd < 0 ? err_set_errno(reterr, -errno, "cannot receive signals") : 0;
}

static int
worker_say_ready(struct worker_process *w, struct err *reterr)
{
    struct proto_ready ready = {(uint64_t)w->setup.config->stop_timeout_ns};
    int r;

    if (w->sockets.fd < 0)
        return 0;
    r = proto_send(w->sockets.fd, PROTO_READY, &ready, sizeof(ready), NULL, 0);
    return r < 0 ? err_set_errno(reterr, r, "the supervisor does not listen") : 0;
}

/* Everything that may be refused comes before the first socket. Reasons that have a place in the
 * configuration are printed where they are found; the others go to reterr. */
static int
worker_start(struct worker_process *w, struct err *reterr)
{
    int r = worker_take_signals(w, reterr);

    if (r == 0)
        r = sockets_init(&w->sockets, w->cli->worker_fd, reterr);
    if (r == 0)
        r = setup_load(&w->setup, w->cli);
    if (r < 0)
        return r;
    assert(w->setup.config);
    log_init("goevd", cli_log_level(w->cli, w->setup.config->log_level));
    r = engine_init(&w->engine, &w->setup, reterr);
    if (r == 0)
        r = setup_create(&w->setup);
    if (r == 0)
        r = engine_start(&w->engine, &w->sockets, reterr);
    if (r == 0)
        r = worker_say_ready(w, reterr);
    return r;
}

/* ---- Serving --------------------------------------------------------------------------------- */

static void
worker_stop(struct worker_process *w)
{
    w->stops++;
    if (w->stops > 1) {
        w->deadline_ns = 0;
        return;
    }
    w->deadline_ns = clock_now_ns() + (uint64_t)w->setup.config->stop_timeout_ns;
    engine_drain(&w->engine);
    store_fini(&w->sockets.own);
}

/* With a supervisor, a signal to the process group has reached it too, and it says what to do. */
static void
worker_on_signal(struct worker_process *w)
{
    struct signalfd_siginfo info;

    if (read(w->signal_fd, &info, sizeof(info)) != sizeof(info))
        return;
    if (w->sockets.fd < 0 && info.ssi_signo != SIGHUP)
        worker_stop(w);
}

static void
worker_hear(struct worker_process *w)
{
    struct proto_message m;
    int r = proto_receive(w->sockets.fd, &m, NULL, 0, NULL);

    if (r == 0 && m.type == PROTO_STOP) {
        if (m.stop.now)
            w->stops++;
        worker_stop(w);
    } else if (r < 0) {
        log_error("the supervisor is gone: stopping");
        w->sockets.fd = fd_close(w->sockets.fd);
        worker_stop(w);
    }
}

static int
worker_timeout_ms(const struct worker_process *w)
{
    uint64_t now = clock_now_ns();

    if (!w->stops)
        return -1;
    return w->deadline_ns > now ? (int)((w->deadline_ns - now) / NS_PER_MS + 1) : 0;
}

static void
worker_serve(struct worker_process *w)
{
    while (!w->stops || clock_now_ns() < w->deadline_ns) {
        struct pollfd fds[] = {{.fd = w->signal_fd, .events = POLLIN},
                               {.fd = w->engine.drained_fd, .events = POLLIN},
                               {.fd = w->sockets.fd, .events = POLLIN}};

        if (poll(fds, ARRAY_LEN(fds), worker_timeout_ms(w)) < 0 && errno != EINTR)
            return;
        if (fds[0].revents)
            worker_on_signal(w);
        if (fds[2].revents)
            worker_hear(w);
        if (fds[1].revents)
            return;
    }
    log_warning("connections were still open after stop_timeout; closing them");
}

/* ---- All of it ------------------------------------------------------------------------------- */

static void
worker_fini(struct worker_process *w)
{
    engine_stop(&w->engine);
    plugins_destroy(&w->setup.plugins);
    engine_fini(&w->engine);
    setup_fini(&w->setup);
    sockets_fini(&w->sockets);
    fd_close(w->signal_fd);
}

int
worker_run(const struct cli *cli)
{
    struct worker_process w = {.cli = cli, .signal_fd = -1, .sockets.fd = -1};
    struct err err = {0};
    int r;

    log_init("goevd", cli_log_level(cli, LOG_NOTICE));
    w.engine.drained_fd = -1;
    r = worker_start(&w, &err);
    if (r == 0) {
        engine_log(&w.engine);
        worker_serve(&w);
    } else if (err.code) {
        log_error("%s%s", err.text,
                  err.code == -EMFILE
                      ? "; raise max_open_files or 'ulimit -n', or use fewer pollers"
                      : "");
    }
    worker_fini(&w);
    return r < 0 ? EXIT_REFUSED : EXIT_OK;
}
