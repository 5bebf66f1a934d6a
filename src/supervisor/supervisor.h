/* The supervisor: holds the listening sockets, starts workers, watches them. It reads no
 * configuration, loads no plugin and never sees what a client sent.
 *
 *   supervisor.c          its loop: signals, deadlines, starting workers
 *   supervisor_receive.c  messages of workers
 *   supervisor_counts.c   the memory that workers count in
 *   supervisor_end.c      the end of workers, and who takes their place
 *   supervisor_ctl.c      requests at the control socket
 *   supervisor_log.c      the file of the log
 *   supervisor_file.c     the files of plugins
 *   supervisor_origin.c   what a worker that replaces a dead one starts from
 *   supervisor_hang.c     workers that are stopped or stuck as a whole
 *   supervisor_status.c   how goevd is
 *   supervisor_notify.c   messages to the service manager
 */
#pragma once

#include <limits.h>
#include <signal.h>

#include "base/limits.h"
#include "ctl/control.h"
#include "metrics/ledger.h"
#include "ctl/status.h"
#include "process/logfile.h"
#include "process/notify.h"
#include "process/pidfile.h"
#include "process/store.h"
#include "proto/values.h"
#include "supervisor/child.h"

/* log_level  until a worker has read the configuration.
 * Returns    the exit status, when all has ended. */
int supervisor_run(int log_level, char **argv);

/* ---- Between the supervisor's files ---------------------------------------------------------- */

/* What clients of the control socket wait for: the end of all, that every worker writes to the new
 * log file, or the end of the reload of that number. */
#define HOLD_STOP UINT_MAX
#define HOLD_REOPEN (UINT_MAX - 1)
#define HOLD_RELOAD (UINT_MAX - 2) /* until its number is known */

#define SUPERVISOR_STATUS_MAX 512

struct supervisor_log {
    struct proto_log how;
    int fd; /* -1: it is no file */
    unsigned number;
};

/* The configuration that serves, for `goevd ctl status`. */
struct supervisor_config {
    char path[PROTO_FILE_MAX];
    time_t loaded; /* when it was read from the disk */
};

struct supervisor {
    char **argv;
    char path[PATH_MAX]; /* of the binary */
    struct store store;
    struct ledger ledger; /* what workers count, those that have ended included */
    struct pidfile pidfile;
    struct pidfile next_pidfile; /* of the worker that starts, where it is another */
    bool pidfile_wanted;         /* by the worker that starts */
    struct supervisor_log log;
    struct supervisor_log next_log; /* of the worker that starts; its fd -1 where the file stays */
    bool log_wanted;                /* by the worker that starts */
    unsigned log_numbers;           /* files opened so far */
    struct child children[WORKERS_MAX];
    struct origin *origin; /* what the worker that served last was started from; NULL: not kept */
    struct supervisor_config config;
    struct control control;
    struct helper closer; /* of descriptors that others may let linger */
    struct notify notify;
    struct values values; /* that were set while goevd runs */
    int signal_fd;
    sigset_t old_mask;
    struct rlimit old_files; /* RLIMIT_NOFILE */
    struct proto_ready limits; /* what the worker that served last has said */
    bool was_ready;            /* a worker has served */
    bool stopping;
    uint64_t stop_ns;    /* when it was first told to stop */
    uint64_t extend_ns;  /* 0, or when the manager is asked for more time to stop */
    uint64_t restart_ns; /* 0, or when a worker takes the place of one that died */
    uint64_t room_ns;    /* 0, or when a draining worker has to make room */
    unsigned reload;     /* the number of the reload that is wanted; 0: none */
    bool reload_waits;   /* ... by a worker alone: it ends nobody to have its turn */
    unsigned reloads;    /* the number of the last one that was asked for */
    uint64_t crashes_ns[CRASHES_MAX];
    unsigned crashes;
    uint64_t outage_ns; /* since when no worker has served; it counts when none does */
    unsigned retries;   /* workers that have failed to start since then */
    unsigned restarts;
    time_t since; /* when goevd was started */
    struct status_event last_reload;
    struct status_event last_crash;
    char notified[SUPERVISOR_STATUS_MAX]; /* the status that the service manager has */
    uint64_t cut;                         /* connections that workers have ended at a deadline */
    int status;
};

/* The first worker in that state, or NULL; of CHILD_STARTING and CHILD_SERVING there is one. */
struct child *supervisor_find(struct supervisor *s, enum child_state state);

/* Take one message. False: there is none left. */
bool supervisor_receive(struct supervisor *s, struct child *c);

/* Say no to what it has asked for. */
int supervisor_refuse(struct child *c, const struct err *err);

/* The log: what a worker asks for, which counts when it serves, or is forgotten. */
int supervisor_on_log(struct supervisor *s, struct child *c, struct proto_log *how);
void supervisor_commit_log(struct supervisor *s, struct child *c);
void supervisor_forget_log(struct supervisor *s);

/* Open its file anew, for all. 0, and who waits is answered when all workers write there;
 * a negative errno, and the old file stays. */
int supervisor_reopen(struct supervisor *s, const char *why, struct err *reterr);

/* Is there a file that it is to be sent when it reads? Do so. */
bool supervisor_owes_log(const struct child *c);
void supervisor_repeat_log(struct supervisor *s, struct child *c);
void supervisor_on_log_taken(struct supervisor *s, struct child *c,
                             const struct proto_log_taken *taken);
void supervisor_reply_reopened(struct supervisor *s);

/* A worker cannot go over to a new file: say so to the log, and to who waits for it. */
void supervisor_reopen_failed(struct supervisor *s, const struct err *err);

/* Files of plugins: what a worker asks for while it starts; to open them anew for all workers, or
 * for this one, when it reads. */
int supervisor_on_file(struct child *c, struct proto_file *file);
bool supervisor_reopen_files(struct supervisor *s);
void supervisor_send_files(struct supervisor *s, struct child *c);

/* A worker asks what to start from; sends a file to keep, whose fd is taken over; serves, so that
 * what it has started from takes the place of what was kept. */
int supervisor_on_snapshot(struct supervisor *s, struct child *c);
int supervisor_on_keep(struct supervisor *s, struct child *c, struct proto_kept *file, int fd);
void supervisor_commit_origin(struct supervisor *s, struct child *c);

/* Counts: where a worker counts, what it has counted when it serves and when it has ended, and what
 * the supervisor counts itself. */
int supervisor_on_counts(struct supervisor *s, struct child *c);
void supervisor_commit_counts(struct supervisor *s, struct child *c);
void supervisor_count_end(struct supervisor *s);
void supervisor_count_reload(struct supervisor *s, bool ok);

/* Answer who waits for that reload; 0 is none. */
void supervisor_reply_reloaded(struct supervisor *s, unsigned reload);

/* What the service manager hears: that all is well, that a reload goes on, the load; and, as time
 * goes by, that the supervisor turns and how long stopping may yet take. */
void supervisor_notify_ready(struct supervisor *s);
void supervisor_notify_reloading(struct supervisor *s);
void supervisor_notify_status(struct supervisor *s);
void supervisor_reply_status(struct supervisor *s, struct control_client *client);

/* Let status say that this has happened now. */
void supervisor_note(struct status_event *event, bool ok, const char *format, ...) PRINTF(3, 4);
void supervisor_notify_time(struct supervisor *s, uint64_t now_ns);

/* Take over what the manager has passed, and let it keep what listens. */
int supervisor_inherit(struct supervisor *s, struct err *reterr);

/* A worker reports its load, and that it is not stopped: when its silence is noticed (0: never), to
 * do so, and time that is none of its own because the supervisor stood still itself. */
void supervisor_on_load(struct child *c, const struct proto_load *load);
uint64_t supervisor_hang_due_ns(const struct supervisor *s);
void supervisor_hang_time(struct supervisor *s, uint64_t now_ns);
void supervisor_hang_excuse(struct supervisor *s, uint64_t ns);

/* Wait for the workers that have ended. */
void supervisor_reap(struct supervisor *s);

/* No worker serves, and one could not be started: try again later. */
void supervisor_retry(struct supervisor *s);

/* Stop; now if that has been said before. `why` begins the line in the log. */
void supervisor_stop(struct supervisor *s, const char *why);

/* Let a new worker take over. Returns the number of this reload, for clients to wait for. */
unsigned supervisor_reload(struct supervisor *s, const char *why);

/* A control_request_fn. */
void supervisor_on_request(struct control_client *client, const char *request, void *arg);
