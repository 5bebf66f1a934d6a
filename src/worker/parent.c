#include "worker/parent.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fd.h"
#include "process/logfile.h"

#define MINOR_LOG 4 /* the first that knows of the log */

static int
parent_lost(int r, struct err *reterr)
{
    return err_set_errno(reterr, r, "the supervisor does not answer");
}

/* Receive one reply. A refusal becomes the error; -ECANCELED if the message is a request to stop.
 */
static int
parent_answer(struct parent *s, enum proto_type expected, struct proto_message *m, int *fds,
              unsigned fd_max, unsigned *ret_count, struct err *reterr)
{
    int r = proto_receive(s->fd, m, fds, fd_max, ret_count);

    if (r == -EMFILE)
        return err_set_errno(reterr, r, "cannot receive listening sockets");
    if (r < 0)
        return parent_lost(r, reterr);
    if (m->type == PROTO_STOP)
        return -ECANCELED;
    if (m->type == PROTO_REFUSED)
        return err_set(reterr, m->refused.code, "%.*s", PROTO_TEXT_MAX, m->refused.text);
    if (m->type != (uint32_t)expected)
        return err_set(reterr, -EPROTO, "the supervisor answered with %u instead of %u", m->type,
                       expected);
    return 0;
}

int
parent_init(struct parent *s, int fd, struct err *reterr)
{
    struct proto_hello hello = {PROTO_MAJOR, PROTO_MINOR, getpid(), GOEVD_RELEASE};
    struct proto_message m;
    int r;

    *s = (struct parent){.fd = fd, .own_pidfile.fd = -1};
    if (fd < 0)
        return store_init(&s->own, &s->at_once, reterr);
    fd_set_cloexec(fd, true);
    r = proto_send(fd, PROTO_HELLO, &hello, sizeof(hello), NULL, 0);
    if (r < 0)
        return parent_lost(r, reterr);
    r = parent_answer(s, PROTO_WELCOME, &m, NULL, 0, NULL, reterr);
    if (r == 0) {
        s->minor = m.welcome.minor;
        s->quiet = m.welcome.quiet != 0;
    }
    return r;
}

/* ---- Values ---------------------------------------------------------------------------------- */

#define MINOR_VALUES 4 /* the first that knows of values */

int
parent_recall(struct parent *s, struct values *ret, struct err *reterr)
{
    struct proto_message m = {.value.left = 1};
    int r;

    if (s->fd < 0 || s->minor < MINOR_VALUES)
        return 0;
    r = proto_send(s->fd, PROTO_RECALL, NULL, 0, NULL, 0);
    if (r < 0)
        return parent_lost(r, reterr);
    while (r == 0 && m.value.left > 0) {
        r = parent_answer(s, PROTO_VALUE, &m, NULL, 0, NULL, reterr);
        m.value.name[PROTO_NAME_MAX - 1] = m.value.value[PROTO_VALUE_MAX - 1] = '\0';
        if (r == 0 && m.value.name[0] && values_set(ret, m.value.name, m.value.value) < 0)
            r = err_set(reterr, -ENOMEM, "no memory for the values that were set");
    }
    return r;
}

void
parent_remember(struct parent *s, const char *name, const char *value)
{
    struct proto_value v = {.unset = !value, .log_level = (uint32_t)log_get_level()};

    if (s->fd < 0 || s->minor < MINOR_VALUES)
        return;
    snprintf(v.name, sizeof(v.name), "%s", name);
    snprintf(v.value, sizeof(v.value), "%s", value ? value : "");
    proto_send(s->fd, PROTO_VALUE, &v, sizeof(v), NULL, 0); /* if it is gone, we stop anyway */
}

/* ---- Counts ---------------------------------------------------------------------------------- */

#define MINOR_COUNTS 7 /* the first that knows of them */

static int
parent_get_peer(struct parent *s, struct reader *reader, unsigned *ret_left, struct err *reterr)
{
    struct proto_message m;
    unsigned count = 0;
    int fd = -1, r = parent_answer(s, PROTO_COUNTS, &m, &fd, 1, &count, reterr);

    if (r == 0 && count == 1)
        r = reader_add_peer(reader, m.counts.id, fd, reterr);
    fd_close(fd);
    *ret_left = r == 0 ? m.counts.left : 0;
    return r;
}

int
parent_get_counts(struct parent *s, struct reader *reader, int *ret_fd, struct err *reterr)
{
    struct proto_message m;
    unsigned count = 0, left;
    int fds[2] = {-1, -1}, r;

    *ret_fd = -1;
    if (s->fd < 0 || s->minor < MINOR_COUNTS)
        return 0;
    r = proto_send(s->fd, PROTO_COUNTS, NULL, 0, NULL, 0);
    if (r < 0)
        return parent_lost(r, reterr);
    r = parent_answer(s, PROTO_COUNTS, &m, fds, 2, &count, reterr);
    if (r == 0 && count == 2)
        r = reader_set_totals(reader, fds[1], reterr);
    left = r == 0 ? m.counts.left : 0;
    while (r == 0 && left > 0)
        r = parent_get_peer(s, reader, &left, reterr);
    fd_close(fds[1]);
    if (r == 0)
        *ret_fd = fds[0];
    else
        fd_close(fds[0]);
    return r;
}

/* ---- Keys of tickets ------------------------------------------------------------------------- */

#define MINOR_TICKETS 9 /* the first that knows of them */

int
parent_get_tickets(struct parent *s, int *ret_fd, struct err *reterr)
{
    struct proto_message m;
    unsigned count = 0;
    int r;

    *ret_fd = -1;
    if (s->fd < 0 || s->minor < MINOR_TICKETS)
        return 0;
    r = proto_send(s->fd, PROTO_TICKETS, NULL, 0, NULL, 0);
    return r < 0 ? parent_lost(r, reterr)
                 : parent_answer(s, PROTO_TICKETS, &m, ret_fd, 1, &count, reterr);
}

/* ---- The snapshot ---------------------------------------------------------------------------- */

#define MINOR_SNAPSHOT 6 /* the first that knows of it */

int
parent_get_snapshot(struct parent *s, int *ret_fd, bool *ret_replay, unsigned *ret_files,
                    struct err *reterr)
{
    struct proto_message m;
    unsigned count = 0;
    int r;

    *ret_fd = -1;
    *ret_replay = false;
    *ret_files = 0;
    if (s->fd < 0 || s->minor < MINOR_SNAPSHOT)
        return 0;
    r = proto_send(s->fd, PROTO_SNAPSHOT, NULL, 0, NULL, 0);
    if (r < 0)
        return parent_lost(r, reterr);
    r = parent_answer(s, PROTO_SNAPSHOT, &m, ret_fd, 1, &count, reterr);
    if (r < 0)
        return r;
    *ret_replay = m.snapshot.replay;
    *ret_files = m.snapshot.files;
    return 0;
}

int
parent_get_kept(struct parent *s, struct proto_kept *ret, struct err *reterr)
{
    struct proto_message m;
    unsigned count = 0;
    int fd = -1, r = parent_answer(s, PROTO_KEPT, &m, &fd, 1, &count, reterr);

    if (r == 0 && count == 0)
        r = err_set(reterr, -EPROTO, "the supervisor has sent no file");
    if (r < 0)
        return r;
    *ret = m.kept;
    ret->path[PROTO_FILE_MAX - 1] = '\0';
    return fd;
}

int
parent_keep(struct parent *s, const char *path, int fd, bool binary, struct err *reterr)
{
    struct proto_kept kept = {.binary = binary};
    int r;

    if (s->fd < 0 || s->minor < MINOR_SNAPSHOT ||
        (size_t)snprintf(kept.path, sizeof(kept.path), "%s", path) >= sizeof(kept.path))
        return 0;
    r = proto_send(s->fd, PROTO_KEEP, &kept, sizeof(kept), &fd, 1);
    return r < 0 ? parent_lost(r, reterr) : 0;
}

/* ---- Sockets --------------------------------------------------------------------------------- */

/* The store keeps its own, as the supervisor's does. */
static int
parent_own(struct parent *s, const struct proto_listen *listen, struct address *ret_bound,
           int *ret_fds, unsigned *ret_count, struct err *reterr)
{
    const int *fds;
    unsigned n, count;
    int r = store_get(&s->own, listen, ret_bound, &fds, &count, reterr);

    for (n = 0; r == 0 && n < count; n++) {
        ret_fds[n] = fcntl(fds[n], F_DUPFD_CLOEXEC, 3);
        if (ret_fds[n] < 0)
            r = err_set_errno(reterr, -errno, "cannot copy a listening socket");
    }
    *ret_count = n;
    return r;
}

int
parent_get(struct parent *s, const struct proto_listen *listen, struct address *ret_bound,
           int ret_fds[PROTO_FDS_MAX], unsigned *ret_count, struct err *reterr)
{
    struct proto_message m = {.sockets.left = 1};
    unsigned n = 0, got = 0;
    int r;

    if (s->fd < 0)
        return parent_own(s, listen, ret_bound, ret_fds, ret_count, reterr);
    r = proto_send(s->fd, PROTO_LISTEN, listen, sizeof(*listen), NULL, 0);
    if (r < 0)
        return parent_lost(r, reterr);
    while (r == 0 && m.sockets.left > 0) {
        r = parent_answer(s, PROTO_SOCKETS, &m, ret_fds + n, PROTO_FDS_MAX - n, &got, reterr);
        n += r == 0 ? got : 0;
    }
    if (r < 0) {
        while (n > 0)
            fd_close(ret_fds[--n]);
        return r;
    }
    *ret_bound = m.sockets.bound;
    *ret_count = n;
    return 0;
}

/* Send a request whose reply has no body, and receive that reply. */
static int
parent_ask(struct parent *s, enum proto_type type, const void *body, size_t size,
           struct err *reterr)
{
    struct proto_message m;
    int r = proto_send(s->fd, type, body, size, NULL, 0);

    if (r < 0)
        return parent_lost(r, reterr);
    return parent_answer(s, PROTO_WELCOME, &m, NULL, 0, NULL, reterr);
}

int
parent_settle(struct parent *s, struct err *reterr)
{
    if (s->fd < 0)
        return store_check(&s->own, reterr);
    return parent_ask(s, PROTO_BEGIN, NULL, 0, reterr);
}

int
parent_hold_pidfile(struct parent *s, const char *path, struct err *reterr)
{
    struct proto_pid_file file = {0};

    if (s->fd < 0)
        return pidfile_open(&s->own_pidfile, path, reterr);
    snprintf(file.path, sizeof(file.path), "%s", path);
    return parent_ask(s, PROTO_PID_FILE, &file, sizeof(file), reterr);
}

static int
parent_too_old(const char *key, struct err *reterr)
{
    return err_set(reterr, -EPROTO,
                   "%s: the supervisor that runs cannot open log files; restart goevd instead of "
                   "reloading it",
                   key);
}

/* A supervisor that knows of no log has stderr all the same. */
static int
parent_ask_log(struct parent *s, const struct proto_log *log, int *ret_fd, struct err *reterr)
{
    struct proto_message m;
    unsigned count = 0;
    int r;

    if (s->minor < MINOR_LOG && log->target != LOG_TO_FILE)
        return 0;
    if (s->minor < MINOR_LOG)
        return parent_too_old("log.target", reterr);
    r = proto_send(s->fd, PROTO_LOG, log, sizeof(*log), NULL, 0);
    if (r < 0)
        return parent_lost(r, reterr);
    r = parent_answer(s, PROTO_WELCOME, &m, ret_fd, 1, &count, reterr);
    if (r == 0 && count == 0 && log->target == LOG_TO_FILE)
        r = err_set(reterr, -EPROTO, "the supervisor has sent no log file");
    return r;
}

int
parent_open_log(struct parent *s, const struct proto_log *log, int *ret_fd, struct err *reterr)
{
    int r = log->target == LOG_TO_JOURNAL ? log_open_journal(reterr) : 0;

    *ret_fd = -1;
    if (r < 0)
        return r;
    if (s->fd >= 0)
        return parent_ask_log(s, log, ret_fd, reterr);
    if (log->target != LOG_TO_FILE)
        return 0;
    r = logfile_begin(log, reterr);
    if (r < 0)
        return r;
    *ret_fd = r;
    return 0;
}

int
parent_open_file(struct parent *s, const char *option, const char *path, struct err *reterr)
{
    struct proto_file file = {0};
    struct proto_message m;
    unsigned count = 0;
    int fd = -1, r;

    if (s->fd < 0)
        return logfile_open(option, path, reterr);
    if (s->minor < MINOR_LOG)
        return parent_too_old(option, reterr);
    snprintf(file.option, sizeof(file.option), "%s", option);
    snprintf(file.path, sizeof(file.path), "%s", path);
    r = proto_send(s->fd, PROTO_FILE, &file, sizeof(file), NULL, 0);
    if (r < 0)
        return parent_lost(r, reterr);
    r = parent_answer(s, PROTO_WELCOME, &m, &fd, 1, &count, reterr);
    if (r == 0 && count == 0)
        r = err_set(reterr, -EPROTO, "the supervisor has sent no file");
    return r < 0 ? r : fd;
}

void
parent_fini(struct parent *s)
{
    pidfile_close(&s->own_pidfile);
    store_fini(&s->own);
    s->fd = fd_close(s->fd);
}
