/* Messages to a service manager, by the protocol of sd_notify(3): a datagram of lines to the
 * socket that NOTIFY_SOCKET names. Without that variable every call does nothing.
 *
 * Nothing here waits. A manager that is not reading gets its messages later: they are queued, up to
 * NOTIFY_QUEUE_MAX of them, and tried again when notify_due_ns() is due.
 */
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include "base/util.h"

#define NOTIFY_FDS_MAX 253    /* SCM_MAX_FD, the kernel's */
#define NOTIFY_QUEUE_MAX 4096 /* more than goevd has listeners to keep */

/* The handling of a message that cannot be sent at once. */
enum notify_kind {
    NOTIFY_STATE,  /* it is sent later, in order */
    NOTIFY_LATEST, /* only the latest of them is sent later */
    NOTIFY_PULSE,  /* it is dropped: another follows soon */
};

struct notify_message;

struct notify {
    int fd; /* -1: there is no manager */
    struct sockaddr_un address;
    socklen_t address_len;
    uint64_t watchdog_ns; /* interval in which the manager wants a sign of life; 0: none */
    uint64_t pulse_ns;    /* when the next one is due */
    uint64_t retry_ns;    /* 0, or when the queue is tried again */
    struct notify_message *first, *last;
    unsigned queued;
    uint64_t lost; /* messages of NOTIFY_STATE that found the queue full */
};

/* Take the variables out of the environment: they are for this process. */
void notify_init(struct notify *n);

/* Try to send queued messages once more. */
void notify_fini(struct notify *n);

static inline bool
notify_listens(const struct notify *n)
{
    return n->fd >= 0;
}

/* Lines such as READY=1, separated by newlines. */
void notify_say(struct notify *n, enum notify_kind kind, const char *format, ...) PRINTF(3, 4);

/* Let the manager keep copies of these sockets over a restart, and no longer. */
void notify_keep(struct notify *n, const char *name, const int *fds, unsigned count);
void notify_forget(struct notify *n, const char *name);

/* When notify_time() is due; 0: never. */
uint64_t notify_due_ns(const struct notify *n);

/* Send the messages that are due: queued ones, and the sign of life. */
void notify_time(struct notify *n, uint64_t now_ns);
