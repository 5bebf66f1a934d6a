/* A daemon for a plugin's test: it gets a socket as from systemd, and reports as to systemd that it
 * is ready. So the test guesses neither a free port nor the time when it serves. */
#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "cli/scaffold.h"
#include "supervisor/child.h"

#define LISTEN_FD 3 /* sd_listen_fds(3) */
#define READY_WAIT_MS 10000
#define STOP_WAIT_MS 10000
#define TEST_WAIT_MS 60000
#define QUIET_WAIT_MS 200 /* for a reply from a program that may not give any */
#define STRANGERS 32      /* of each kind */

struct daemon {
    const char *dir, *plugin_dir;
    struct sockaddr_in address;
    int listening, notify; /* sockets */
    struct sockaddr_un notify_address;
    pid_t pid;
    int status;
    bool ended;
};

/* ---- Sockets --------------------------------------------------------------------------------- */

static int
scaffold_listen(struct daemon *d, struct err *reterr)
{
    socklen_t len = sizeof(d->address);
    struct sockaddr *sa = (struct sockaddr *)&d->address;

    d->address =
        (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    d->listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (d->listening < 0 || bind(d->listening, sa, len) < 0 ||
        listen(d->listening, SOMAXCONN) < 0 || getsockname(d->listening, sa, &len) < 0)
        return err_set_errno(reterr, -errno, "cannot open a socket for the test");
    return 0;
}

/* In the abstract namespace: there is nothing to remove. */
static int
scaffold_receive(struct daemon *d, struct err *reterr)
{
    struct sockaddr *sa = (struct sockaddr *)&d->notify_address;
    char *name = d->notify_address.sun_path + 1;
    socklen_t len;

    d->notify_address = (struct sockaddr_un){.sun_family = AF_UNIX};
    len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1) +
          (socklen_t)snprintf(name, sizeof(d->notify_address.sun_path) - 1, "goevd-test-%d",
                              getpid());
    d->notify = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (d->notify < 0 || bind(d->notify, sa, len) < 0)
        return err_set_errno(reterr, -errno, "cannot open a socket for what goevd says");
    return 0;
}

/* ---- The daemon ------------------------------------------------------------------------------ */

static void
scaffold_set_number(const char *name, long value)
{
    char text[24];

    snprintf(text, sizeof(text), "%ld", value);
    setenv(name, text, 1);
}

/* In the child. */
static void
scaffold_execute(const struct daemon *d)
{
    char config[PATH_MAX], notify[sizeof(d->notify_address.sun_path) + 1];

    snprintf(config, sizeof(config), "%s/test.yaml", d->dir);
    snprintf(notify, sizeof(notify), "@%s", d->notify_address.sun_path + 1);
    setenv("NOTIFY_SOCKET", notify, 1);
    scaffold_set_number("LISTEN_PID", getpid());
    setenv("LISTEN_FDS", "1", 1);
    setenv("LISTEN_FDNAMES", "test", 1);
    if (dup2(d->listening, LISTEN_FD) < 0 || fd_set_cloexec(LISTEN_FD, false) < 0)
        _exit(126);
    execl("/proc/self/exe", "goevd", "--single", "--strict", "-q", "-c", config, "--plugin-dir",
          d->plugin_dir, (char *)NULL);
    _exit(127);
}

/* Wait for a process. 0; -ETIMEDOUT, and it lives. */
static int
scaffold_await(pid_t pid, int wait_ms, int *ret_status)
{
    struct pollfd p = {.fd = pidfd_open(pid, 0), .events = POLLIN};
    int n = p.fd < 0 ? -1 : poll(&p, 1, wait_ms);

    fd_close(p.fd);
    if (n == 0)
        return -ETIMEDOUT;
    return waitpid(pid, ret_status, 0) == pid ? 0 : -errno;
}

static int
scaffold_say_end(struct daemon *d, const char *when, struct err *reterr)
{
    char end[128];

    d->ended = true;
    child_describe_end(d->status, end, sizeof(end));
    return err_set(reterr, -EIO, "%s: goevd %s", when, end);
}

/* Has it died? */
static int
scaffold_look(struct daemon *d, const char *when, struct err *reterr)
{
    if (waitpid(d->pid, &d->status, WNOHANG) == d->pid)
        return scaffold_say_end(d, when, reterr);
    return 0;
}

static int
scaffold_await_ready(struct daemon *d, struct err *reterr)
{
    struct pollfd p[2] = {{.fd = d->notify, .events = POLLIN},
                          {.fd = pidfd_open(d->pid, 0), .events = POLLIN}};
    char said[512] = "";
    ssize_t len;
    int n;

    do {
        n = poll(p, 2, READY_WAIT_MS);
        len = n > 0 && p[0].revents ? recv(d->notify, said, sizeof(said) - 1, 0) : 0;
        said[MAX(len, 0)] = '\0';
    } while (n > 0 && !p[1].revents && !strstr(said, "READY=1"));
    fd_close(p[1].fd);
    if (n > 0 && p[1].revents)
        return scaffold_look(d, "start", reterr);
    if (n <= 0)
        return err_set(reterr, -EIO, "start: not ready after %d s", READY_WAIT_MS / 1000);
    return 0;
}

static int
scaffold_start(struct daemon *d, struct err *reterr)
{
    int r = scaffold_listen(d, reterr);

    if (r == 0)
        r = scaffold_receive(d, reterr);
    if (r < 0)
        return r;
    fflush(stdout);
    d->pid = fork();
    if (d->pid < 0)
        return err_set_errno(reterr, -errno, "cannot start goevd");
    if (d->pid == 0)
        scaffold_execute(d);
    return scaffold_await_ready(d, reterr);
}

static int
scaffold_stop(struct daemon *d, struct err *reterr)
{
    kill(d->pid, SIGTERM);
    if (scaffold_await(d->pid, STOP_WAIT_MS, &d->status) < 0)
        return err_set(reterr, -EIO, "stop: it has not ended after %d s", STOP_WAIT_MS / 1000);
    if (d->status != 0)
        return scaffold_say_end(d, "stop", reterr);
    d->ended = true;
    return 0;
}

static void
scaffold_fini(struct daemon *d)
{
    if (d->pid > 0 && !d->ended) {
        kill(d->pid, SIGKILL);
        waitpid(d->pid, &d->status, 0);
    }
    fd_close(d->listening);
    fd_close(d->notify);
}

/* ---- Strangers ------------------------------------------------------------------------------- */

enum stranger {
    STRANGER_LEAVES,    /* at once */
    STRANGER_LISTENS,   /* sends nothing, and reads to the end */
    STRANGER_BABBLES,   /* sends bytes that mean nothing */
    STRANGER_BREAKS_OFF /* resets the connection while it is answered */
};

/* The received bytes do not matter, only that goevd lives. */
static void
scaffold_read(int fd)
{
    const struct timeval wait = {.tv_usec = QUIET_WAIT_MS * 1000L};
    char data[4096];

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
    while (recv(fd, data, sizeof(data), 0) > 0)
        ;
}

static void
scaffold_babble(int fd, unsigned seed)
{
    static const char *const beginnings[] = {"", "GET / HTTP/1.1\r\nHost: test\r\n\r\n", "\n\n"};
    const char *beginning = beginnings[seed % ARRAY_LEN(beginnings)];
    unsigned char data[4096];

    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (unsigned char)(rand_r(&seed) >> 4);
    (void)!send(fd, beginning, strlen(beginning), MSG_NOSIGNAL);
    (void)!send(fd, data, sizeof(data), MSG_NOSIGNAL);
}

static int
scaffold_visit(struct daemon *d, enum stranger stranger, unsigned seed, struct err *reterr)
{
    const struct linger reset = {.l_onoff = 1};
    _cleanup_fd_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || connect(fd, (struct sockaddr *)&d->address, sizeof(d->address)) < 0)
        return err_set_errno(reterr, -errno, "drive: cannot connect");
    if (stranger == STRANGER_BABBLES || stranger == STRANGER_BREAKS_OFF)
        scaffold_babble(fd, seed);
    if (stranger == STRANGER_BREAKS_OFF)
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    if (stranger == STRANGER_LISTENS || stranger == STRANGER_BABBLES) {
        shutdown(fd, SHUT_WR);
        scaffold_read(fd);
    }
    return 0;
}

static int
scaffold_drive(struct daemon *d, struct err *reterr)
{
    for (unsigned i = 0; i < STRANGERS; i++)
        for (int s = STRANGER_LEAVES; s <= STRANGER_BREAKS_OFF; s++) {
            int r = scaffold_visit(d, s, i, reterr);

            if (r == 0)
                r = scaffold_look(d, "drive", reterr);
            if (r < 0)
                return r;
        }
    return 0;
}

/* ---- The plugin's own test ------------------------------------------------------------------- */

/* In the child. */
static void
scaffold_execute_test(const struct daemon *d)
{
    char host[INET_ADDRSTRLEN];

    inet_ntop(AF_INET, &d->address.sin_addr, host, sizeof(host));
    setenv("HOST", host, 1);
    scaffold_set_number("PORT", ntohs(d->address.sin_port));
    unsetenv("LD_PRELOAD"); /* a sanitizer is to look at goevd, not at curl */
    if (chdir(d->dir) == 0)
        execl("./test", "test", (char *)NULL);
    fprintf(stderr, "goevd: test: cannot execute %s/test: %s%s\n", d->dir, err_words(-errno),
            errno == EACCES ? "; let it be executable, with chmod +x" : "");
    _exit(127);
}

static int
scaffold_run_test(struct daemon *d, struct err *reterr)
{
    char end[128];
    int status;
    pid_t pid;

    pid = fork();
    if (pid < 0)
        return err_set_errno(reterr, -errno, "test: cannot run it");
    if (pid == 0)
        scaffold_execute_test(d);
    if (scaffold_await(pid, TEST_WAIT_MS, &status) < 0) {
        kill(pid, SIGKILL);
        waitpid(pid, &status, 0);
        return err_set(reterr, -EIO, "test: it has not ended after %d s", TEST_WAIT_MS / 1000);
    }
    if (scaffold_look(d, "test", reterr) < 0)
        return -EIO;
    child_describe_end(status, end, sizeof(end));
    return status == 0 ? 0 : err_set(reterr, -EIO, "test: it %s", end);
}

static bool
scaffold_has_test(const char *dir)
{
    char path[PATH_MAX];

    snprintf(path, sizeof(path), "%s/test", dir);
    return access(path, F_OK) == 0; /* where it cannot be executed, that is a fault */
}

/* ---- All of it ------------------------------------------------------------------------------- */

static int
scaffold_step(struct daemon *d, const char *name, int (*step)(struct daemon *d, struct err *reterr),
              struct err *reterr)
{
    int r = step(d, reterr);

    if (r == 0)
        printf("%s: ok\n", name);
    fflush(stdout); /* before the output of others */
    return r;
}

int
scaffold_test(const char *dir, const char *plugin_dir, struct err *reterr)
{
    struct daemon d = {.dir = dir, .plugin_dir = plugin_dir, .listening = -1, .notify = -1};
    int r = scaffold_step(&d, "start", scaffold_start, reterr);

    if (r == 0)
        r = scaffold_step(&d, "drive", scaffold_drive, reterr);
    if (r == 0 && scaffold_has_test(dir))
        r = scaffold_step(&d, "test", scaffold_run_test, reterr);
    if (r == 0)
        r = scaffold_step(&d, "stop", scaffold_stop, reterr);
    scaffold_fini(&d);
    return r;
}
