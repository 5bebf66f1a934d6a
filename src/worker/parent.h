/* Where a worker gets from what it cannot open itself, listening sockets and files: from the
 * supervisor, or with --single from itself. */
#pragma once

#include "process/pidfile.h"
#include "process/store.h"
#include "proto/values.h"

struct sockets {
    int fd;                    /* to the supervisor; -1: --single */
    unsigned minor;            /* version that it speaks */
    uint64_t load_interval_ns; /* how often it wants to know the load; 0: never */
    struct store own;
    struct pidfile own_pidfile;
};

/* Say HELLO; -EPROTO if the two do not understand each other. */
int sockets_init(struct sockets *s, int fd, struct err *reterr);

/* The caller owns the fds. */
int sockets_get(struct sockets *s, const struct proto_listen *listen, struct address *ret_bound,
                int ret_fds[PROTO_FDS_MAX], unsigned *ret_count, struct err *reterr);

/* After the last of them: -EINVAL if there are others, which systemd has passed for nothing. */
int sockets_settle(struct sockets *s, struct err *reterr);

/* Hold the pid file at this path. -EBUSY: a process that lives does. */
int sockets_hold_pidfile(struct sockets *s, const char *path, struct err *reterr);

/* What the supervisor remembers of values that were set while goevd ran; nothing with --single. */
int sockets_recall(struct sockets *s, struct values *ret, struct err *reterr);

/* Let the supervisor remember a value, NULL: forget it. */
void sockets_remember(struct sockets *s, const char *name, const char *value);

/* Tell the supervisor how to log, too. The caller owns the fd, -1 where the log is no file. */
int sockets_open_log(struct sockets *s, const struct proto_log *log, int *ret_fd,
                     struct err *reterr);

/* Open a file that lines are added to, named by that option. The fd, the caller's; a negative
 * errno.
 */
int sockets_open_file(struct sockets *s, const char *option, const char *path, struct err *reterr);

void sockets_fini(struct sockets *s);
