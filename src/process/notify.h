/* What a service manager is told, by the protocol of sd_notify(3): a datagram of lines to the
 * socket that NOTIFY_SOCKET names. It is stable and made to be spoken without libsystemd; so there
 * is one way for all builds. Without that variable every call does nothing. */
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include "base/util.h"

#define NOTIFY_FDS_MAX 253 /* SCM_MAX_FD, the kernel's */

struct notify {
    int fd; /* -1: nobody listens */
    struct sockaddr_un address;
    socklen_t address_len;
    uint64_t watchdog_ns; /* how often the manager wants to hear; 0: never */
    uint64_t due_ns;      /* when it must next */
};

/* Take the variables out of the environment: they are for this process. */
void notify_init(struct notify *n);
void notify_fini(struct notify *n);

static inline bool
notify_listens(const struct notify *n)
{
    return n->fd >= 0;
}

/* Lines such as READY=1, separated by newlines. */
void notify_say(struct notify *n, const char *format, ...) PRINTF(2, 3);

/* Let the manager keep copies of these sockets over a restart, and no longer. */
void notify_keep(struct notify *n, const char *name, const int *fds, unsigned count);
void notify_forget(struct notify *n, const char *name);

/* Say that this process turns, when it is time. */
void notify_watchdog(struct notify *n, uint64_t now_ns);
