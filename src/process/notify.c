#include "process/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"

#define NOTIFY_TEXT_MAX 1024
#define NOTIFY_RETRY_NS (100 * NS_PER_MS)

struct notify_message {
    struct notify_message *next;
    enum notify_kind kind;
    size_t len;
    unsigned count;
    int fds[NOTIFY_FDS_MAX]; /* copies: the owner may close its own meanwhile */
    char text[NOTIFY_TEXT_MAX];
};

/* ---- The environment ------------------------------------------------------------------------- */

/* An absolute path, or an abstract name behind @. */
static bool
notify_parse(struct notify *n, const char *socket)
{
    size_t len = socket ? strlen(socket) : 0;

    if (len < 2 || len >= sizeof(n->address.sun_path) || (*socket != '/' && *socket != '@'))
        return false;
    n->address = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(n->address.sun_path, socket, len);
    n->address_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    if (*socket == '@')
        n->address.sun_path[0] = '\0';
    else
        n->address_len++;
    return true;
}

static uint64_t
notify_number(const char *name)
{
    const char *text = getenv(name);

    return text ? strtoull(text, NULL, 10) : 0;
}

/* WATCHDOG_PID names the process that it is for, sd_watchdog_enabled(3). */
static uint64_t
notify_watchdog_ns(void)
{
    uint64_t pid = notify_number("WATCHDOG_PID");

    return pid && pid != (uint64_t)getpid() ? 0 : notify_number("WATCHDOG_USEC") * 1000;
}

/* Connected, so that no later message looks up a path. A manager that is not there yet, or again,
 * is connected to by the next message. */
static int
notify_connect(struct notify *n)
{
    return connect(n->fd, (const struct sockaddr *)&n->address, n->address_len) < 0 ? -errno : 0;
}

void
notify_init(struct notify *n)
{
    *n = (struct notify){.fd = -1};
    if (notify_parse(n, getenv("NOTIFY_SOCKET")))
        n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (n->fd >= 0) {
        n->watchdog_ns = notify_watchdog_ns();
        (void)notify_connect(n);
    }
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
}

/* ---- The queue ------------------------------------------------------------------------------- */

static void
notify_free(struct notify_message *m)
{
    for (unsigned i = 0; i < m->count; i++)
        fd_close(m->fds[i]);
    free(m);
}

static void
notify_drop_first(struct notify *n)
{
    struct notify_message *m = n->first;

    n->first = m->next;
    if (!n->first)
        n->last = NULL;
    n->queued--;
    notify_free(m);
}

/* Forget the earlier message of which the next one is the latest. */
static void
notify_drop_latest(struct notify *n)
{
    struct notify_message *before = NULL;

    for (struct notify_message *m = n->first; m; before = m, m = m->next) {
        if (m->kind != NOTIFY_LATEST)
            continue;
        *(before ? &before->next : &n->first) = m->next;
        if (n->last == m)
            n->last = before;
        n->queued--;
        notify_free(m);
        return;
    }
}

static struct notify_message *
notify_copy(enum notify_kind kind, const char *text, size_t len, const int *fds, unsigned count)
{
    struct notify_message *m = malloc(sizeof(*m));

    if (!m)
        return NULL;
    m->next = NULL;
    m->kind = kind;
    m->len = len;
    memcpy(m->text, text, len);
    for (m->count = 0; m->count < count; m->count++) {
        m->fds[m->count] = fcntl(fds[m->count], F_DUPFD_CLOEXEC, 3);
        if (m->fds[m->count] < 0) {
            notify_free(m);
            return NULL;
        }
    }
    return m;
}

static void
notify_queue(struct notify *n, enum notify_kind kind, const char *text, size_t len, const int *fds,
             unsigned count)
{
    struct notify_message *m = NULL;

    if (kind == NOTIFY_LATEST)
        notify_drop_latest(n);
    if (n->queued < NOTIFY_QUEUE_MAX)
        m = notify_copy(kind, text, len, fds, count);
    if (!m) {
        n->lost += kind == NOTIFY_STATE;
        return;
    }
    *(n->last ? &n->last->next : &n->first) = m;
    n->last = m;
    n->queued++;
    if (!n->retry_ns)
        n->retry_ns = clock_now_ns() + NOTIFY_RETRY_NS;
}

/* ---- Messages -------------------------------------------------------------------------------- */

/* 0; -EAGAIN: the manager takes it later; another negative errno: it never will. */
static int
notify_send(struct notify *n, const char *text, size_t len, const int *fds, unsigned count)
{
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(NOTIFY_FDS_MAX * sizeof(int))];
    } control;
    struct iovec iov = {(void *)(uintptr_t)text, len};
    struct msghdr header = {.msg_iov = &iov, .msg_iovlen = 1};
    bool again = false;

    fd_attach(&header, &control.head, fds, count);
    while (sendmsg(n->fd, &header, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
        bool gone = errno == ECONNREFUSED || errno == ENOTCONN || errno == ECONNRESET;

        if (errno == ENOBUFS || errno == ENOMEM || errno == ETOOMANYREFS)
            return -EAGAIN;
        if (errno != EINTR && (!gone || again || notify_connect(n) < 0))
            return -errno;
        again |= gone;
    }
    return 0;
}

/* Queued messages leave first. */
static void
notify_pass(struct notify *n, enum notify_kind kind, const char *text, size_t len, const int *fds,
            unsigned count)
{
    int r = n->first ? -EAGAIN : notify_send(n, text, len, fds, count);

    if (r == -EAGAIN && kind != NOTIFY_PULSE)
        notify_queue(n, kind, text, len, fds, count);
}

static void
notify_flush(struct notify *n)
{
    while (n->first &&
           notify_send(n, n->first->text, n->first->len, n->first->fds, n->first->count) != -EAGAIN)
        notify_drop_first(n);
}

void
notify_fini(struct notify *n)
{
    if (n->fd >= 0)
        notify_flush(n);
    while (n->first)
        notify_drop_first(n);
    n->fd = fd_close(n->fd);
}

void
notify_say(struct notify *n, enum notify_kind kind, const char *format, ...)
{
    char text[NOTIFY_TEXT_MAX];
    va_list args;
    int len;

    if (n->fd < 0)
        return;
    va_start(args, format);
    len = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (len > 0)
        notify_pass(n, kind, text, MIN((size_t)len, sizeof(text) - 1), NULL, 0);
}

void
notify_keep(struct notify *n, const char *name, const int *fds, unsigned count)
{
    char text[NOTIFY_TEXT_MAX];
    int len = snprintf(text, sizeof(text), "FDSTORE=1\nFDNAME=%s", name);

    while (n->fd >= 0 && count > 0) {
        unsigned some = MIN(count, NOTIFY_FDS_MAX);

        notify_pass(n, NOTIFY_STATE, text, (size_t)len, fds, some);
        fds += some;
        count -= some;
    }
}

void
notify_forget(struct notify *n, const char *name)
{
    notify_say(n, NOTIFY_STATE, "FDSTOREREMOVE=1\nFDNAME=%s", name);
}

/* ---- As time goes by ------------------------------------------------------------------------- */

uint64_t
notify_due_ns(const struct notify *n)
{
    if (!n->retry_ns || !n->pulse_ns)
        return n->retry_ns + n->pulse_ns;
    return MIN(n->retry_ns, n->pulse_ns);
}

/* The pulse comes twice as often as it is wanted, sd_watchdog_enabled(3). */
void
notify_time(struct notify *n, uint64_t now_ns)
{
    if (n->retry_ns && now_ns >= n->retry_ns) {
        notify_flush(n);
        n->retry_ns = n->first ? now_ns + NOTIFY_RETRY_NS : 0;
    }
    if (!n->watchdog_ns || now_ns < n->pulse_ns)
        return;
    n->pulse_ns = now_ns + n->watchdog_ns / 2;
    notify_say(n, NOTIFY_PULSE, "WATCHDOG=1");
}
