#include "process/notify.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"

#define NOTIFY_TEXT_MAX 1024

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

/* WATCHDOG_PID says whom it is for, sd_watchdog_enabled(3). */
static uint64_t
notify_watchdog_ns(void)
{
    uint64_t pid = notify_number("WATCHDOG_PID");

    return pid && pid != (uint64_t)getpid() ? 0 : notify_number("WATCHDOG_USEC") * 1000;
}

void
notify_init(struct notify *n)
{
    *n = (struct notify){.fd = -1};
    if (notify_parse(n, getenv("NOTIFY_SOCKET")))
        n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (n->fd >= 0)
        n->watchdog_ns = notify_watchdog_ns();
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
}

void
notify_fini(struct notify *n)
{
    n->fd = fd_close(n->fd);
}

/* ---- What is said ---------------------------------------------------------------------------- */

static void
notify_send(struct notify *n, const char *text, size_t len, const int *fds, unsigned count)
{
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(NOTIFY_FDS_MAX * sizeof(int))];
    } control;
    struct iovec iov = {(void *)(uintptr_t)text, len};
    struct msghdr header = {
        .msg_name = &n->address, .msg_namelen = n->address_len, .msg_iov = &iov, .msg_iovlen = 1};

    fd_attach(&header, &control.head, fds, count);
    /* A manager that does not listen is no reason to stop serving. */
    while (sendmsg(n->fd, &header, MSG_NOSIGNAL) < 0 && errno == EINTR)
        ;
}

void
notify_say(struct notify *n, const char *format, ...)
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
        notify_send(n, text, MIN((size_t)len, sizeof(text) - 1), NULL, 0);
}

void
notify_keep(struct notify *n, const char *name, const int *fds, unsigned count)
{
    char text[NOTIFY_TEXT_MAX];
    int len = snprintf(text, sizeof(text), "FDSTORE=1\nFDNAME=%s", name);

    while (n->fd >= 0 && count > 0) {
        unsigned some = MIN(count, NOTIFY_FDS_MAX);

        notify_send(n, text, (size_t)len, fds, some);
        fds += some;
        count -= some;
    }
}

void
notify_forget(struct notify *n, const char *name)
{
    notify_say(n, "FDSTOREREMOVE=1\nFDNAME=%s", name);
}

/* Twice as often as it is wanted, sd_watchdog_enabled(3). */
void
notify_watchdog(struct notify *n, uint64_t now_ns)
{
    if (!n->watchdog_ns || now_ns < n->due_ns)
        return;
    n->due_ns = now_ns + n->watchdog_ns / 2;
    notify_say(n, "WATCHDOG=1");
}
