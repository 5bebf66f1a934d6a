/* The source of listening sockets and files that a worker may not open itself: the supervisor, or
 * with --single the worker. */
#pragma once

#include "metrics/reader.h"
#include "process/pidfile.h"
#include "process/store.h"
#include "proto/values.h"

struct parent {
    int fd;         /* to the supervisor; -1: --single */
    unsigned minor; /* version that it speaks */
    bool quiet;     /* it logs why this worker does not serve */
    struct store own;
    struct helper at_once; /* never started: jobs of `own` run at once */
    struct pidfile own_pidfile;
};

/* Send HELLO. -EPROTO if the two speak different versions. */
int parent_init(struct parent *s, int fd, struct err *reterr);

/* Where this worker gets its files from: the memfd to record them into, or with *ret_replay to read
 * them from. The caller owns the fd; -1 where there is none. Files that the worker before has
 * loaded follow, *ret_files calls of parent_get_kept(). */
int parent_get_snapshot(struct parent *s, int *ret_fd, bool *ret_replay, unsigned *ret_files,
                        struct err *reterr);

/* One of them: its fd, the caller's; a negative errno. */
int parent_get_kept(struct parent *s, struct proto_kept *ret, struct err *reterr);

/* Let the supervisor hold a file that was loaded. */
int parent_keep(struct parent *s, const char *path, int fd, bool binary, struct err *reterr);

/* The caller owns the fds. */
int parent_get(struct parent *s, const struct proto_listen *listen, struct address *ret_bound,
               int ret_fds[PROTO_FDS_MAX], unsigned *ret_count, struct err *reterr);

/* After the last of them: -EINVAL if there are others, which systemd has passed for nothing. */
int parent_settle(struct parent *s, struct err *reterr);

/* Hold the pid file at this path. -EBUSY: a process that lives does. */
int parent_hold_pidfile(struct parent *s, const char *path, struct err *reterr);

/* Get the values that were set while goevd ran, from the supervisor; none with --single. */
int parent_recall(struct parent *s, struct values *ret, struct err *reterr);

/* The keys of TLS tickets: a memfd, or -1 where the supervisor has none. */
int parent_get_tickets(struct parent *s, int *ret_fd, struct err *reterr);

/* Get the memory to count in; -1: memory of this process. The counts of other workers go to the
 * reader. The caller owns the fd. */
int parent_get_counts(struct parent *s, struct reader *reader, int *ret_fd, struct err *reterr);

/* Let the supervisor remember a value, NULL: forget it. */
void parent_remember(struct parent *s, const char *name, const char *value);

/* Open the log, and let the supervisor log likewise. The caller owns the fd; -1: the log is no
 * file. */
int parent_open_log(struct parent *s, const struct proto_log *log, int *ret_fd, struct err *reterr);

/* Open a file that lines are added to, named by that option. The fd, the caller's; a negative
 * errno.
 */
int parent_open_file(struct parent *s, const char *option, const char *path, struct err *reterr);

void parent_fini(struct parent *s);
