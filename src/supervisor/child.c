#include "supervisor/child.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "process/exit.h"
#include "supervisor/binary.h"

#define CHILD_GRACE_NS (5 * NS_PER_S) /* beyond the time that it asked for */

/* ---- Its beginning --------------------------------------------------------------------------- */

/* In the child: the same command line, and the socket to the supervisor. */
static void
child_execute(const struct child_command *command, int fd)
{
    char flag[32], **argv;
    size_t n = 0;
    int r;

    while (command->argv[n])
        n++;
    argv = calloc(n + 2, sizeof(*argv));
    if (!argv) {
        log_error("cannot execute %s: no memory", command->path);
        _exit(EXIT_REFUSED);
    }
    snprintf(flag, sizeof(flag), "--worker=%d", fd);
    argv[0] = command->argv[0];
    argv[1] = flag; /* before a "--" */
    for (size_t i = 1; i < n; i++)
        argv[i + 1] = command->argv[i];
    fd_set_cloexec(fd, false);
    sigprocmask(SIG_SETMASK, command->mask, NULL);
    setrlimit(RLIMIT_NOFILE, command->files);
    /* Capabilities of a supervisor that is not root, such as to bind ports below 1024, end here. */
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    r = binary_execute(command->path, command->kept_fd, command->fresh, argv);
    log_error("cannot execute %s: %s", command->path, err_words(r));
    _exit(EXIT_REFUSED);
}

int
child_start(struct child *c, const struct child_command *command, struct err *reterr)
{
    int pair[2], r = proto_pair(pair, reterr);
    pid_t pid;

    if (r < 0)
        return r;
    pid = fork();
    if (pid == 0)
        child_execute(command, pair[1]);
    fd_close(pair[1]);
    if (pid < 0) {
        r = err_set_errno(reterr, -errno, "cannot start a worker");
        fd_close(pair[0]);
        return r;
    }
    *c = (struct child){.state = CHILD_STARTING,
                        .pid = pid,
                        .fd = pair[0],
                        .since = time(NULL),
                        .begun_ns = clock_now_ns()};
    return 0;
}

void
child_serve(struct child *c, const struct proto_ready *ready)
{
    c->state = CHILD_SERVING;
    c->begun_ns = clock_now_ns();
    c->deadline_ns = 0;
    c->ready = *ready;
    c->load = (struct proto_load){.silence_ns = ready->hang_silence_ns, .abort = ready->hang_abort};
    c->heard_ns = c->begun_ns;
    c->ready.control[PROTO_PATH_MAX - 1] = '\0';
    c->ready.config[PROTO_FILE_MAX - 1] = '\0';
}

/* ---- Its end --------------------------------------------------------------------------------- */

/* Waiting for it to read would hand its troubles on; one that is only busy may yet read in time.
 * One that has hung up is about to end, and has a deadline like every other. */
void
child_repeat(struct child *c)
{
    int r =
        c->fd < 0 ? -EPIPE : proto_try_send(c->fd, PROTO_STOP, &c->stop, sizeof(c->stop), NULL, 0);

    c->unheard = r == -EAGAIN;
}

static void
child_say_stop(struct child *c, struct proto_stop stop)
{
    c->stop = stop;
    child_repeat(c);
}

void
child_warn(struct child *c)
{
    if (!c->unheard)
        child_say_stop(c, (struct proto_stop){.soon = true});
}

void
child_drain(struct child *c, bool replaced)
{
    uint64_t timeout = replaced ? c->ready.drain_timeout_ns : c->ready.stop_timeout_ns;

    c->state = CHILD_DRAINING;
    c->begun_ns = clock_now_ns();
    c->deadline_ns = c->begun_ns + timeout + CHILD_GRACE_NS;
    child_say_stop(c, (struct proto_stop){.replaced = replaced});
}

void
child_allow(struct child *c, const struct proto_ready *ready)
{
    c->deadline_ns = c->begun_ns + ready->stop_timeout_ns + CHILD_GRACE_NS;
}

void
child_stop_draining(struct child *c)
{
    uint64_t deadline_ns = clock_now_ns() + c->ready.stop_timeout_ns + CHILD_GRACE_NS;

    if (c->hastened)
        return;
    c->deadline_ns = MIN(c->deadline_ns, deadline_ns);
    child_say_stop(c, (struct proto_stop){.replaced = false});
}

void
child_hasten(struct child *c)
{
    if (c->hastened)
        return;
    c->hastened = true;
    c->deadline_ns = clock_now_ns() + CHILD_GRACE_NS;
    child_say_stop(c, (struct proto_stop){.now = true});
}

void
child_kill(struct child *c)
{
    kill(c->pid, SIGKILL);
    c->deadline_ns = clock_now_ns() + CHILD_GRACE_NS;
}

void
child_abort(struct child *c)
{
    kill(c->pid, SIGCONT); /* a thread that is stopped would not take the signal */
    kill(c->pid, SIGABRT);
    c->deadline_ns = clock_now_ns() + CHILD_GRACE_NS;
}

void
child_unset_linger(int fd)
{
    static const struct linger none;

    setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
}

static void
child_let_go(int fd, struct helper *closer)
{
    child_unset_linger(fd);
    helper_close(closer, fd);
}

void
child_hang_up(struct child *c, struct helper *closer)
{
    struct proto_message message;
    int fds[PROTO_FDS_ALL], r = c->fd < 0 ? -EPIPE : shutdown(c->fd, SHUT_RDWR);

    while (r == 0 || r == -EMFILE || r == -EBADMSG) {
        unsigned count = 0;

        r = proto_try_receive(c->fd, &message, fds, &count);
        while (count > 0)
            child_let_go(fds[--count], closer);
    }
    c->fd = helper_close(closer, c->fd);
}

void
child_fini(struct child *c, struct helper *closer)
{
    child_queue_fini(c);
    child_hang_up(c, closer);
    origin_free(c->origin, closer);
    for (unsigned i = 0; i < c->file_count; i++)
        free(c->files[i]);
    *c = (struct child){.fd = -1};
}

void
child_describe_end(int status, char *buf, size_t size)
{
    if (WIFSIGNALED(status))
        snprintf(buf, size, "was killed by signal %d (%s)%s", WTERMSIG(status),
                 sigdescr_np(WTERMSIG(status)), WCOREDUMP(status) ? ", core dumped" : "");
    else
        snprintf(buf, size, "ended with status %d", WEXITSTATUS(status));
}
