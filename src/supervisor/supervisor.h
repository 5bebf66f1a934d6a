/* The supervisor: holds the listening sockets, starts workers, watches them. It reads no
 * configuration, loads no plugin and never reads from a client.
 *
 *   supervisor.c          its loop: signals, deadlines, starting workers
 *   supervisor_job.c      calls that a thread makes for it
 *   supervisor_receive.c  messages of workers
 *   supervisor_counts.c   the memory that workers count in
 *   supervisor_tickets.c  the keys of TLS tickets
 *   supervisor_end.c      the end of a worker, and its replacement
 *   supervisor_ctl.c      requests at the control socket
 *   supervisor_log.c      the file of the log
 *   supervisor_file.c     the files of plugins
 *   supervisor_pidfile.c  the file with the pid
 *   supervisor_origin.c   the kept files from which the replacement of a dead worker starts
 *   supervisor_hang.c     workers that are stopped or stuck as a whole
 *   supervisor_status.c   the reply to goevd ctl status
 *   supervisor_notify.c   messages to the service manager
 */
#pragma once

#include <limits.h>
#include <signal.h>

#include "base/limits.h"
#include "ctl/control.h"
#include "ctl/status.h"
#include "metrics/ledger.h"
#include "net/tls/ticket_keys.h"
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

/* Events that clients of the control socket wait for: the end of goevd, the moment when every
 * worker writes to the new log file, or the end of the reload with this number. */
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
    struct ledger ledger; /* counts of all workers, also of those that have ended */
    struct pidfile pidfile;
    struct pidfile next_pidfile; /* of the worker that starts, if it has another file */
    bool pidfile_wanted;         /* by the worker that starts */
    struct supervisor_log log;
    struct supervisor_log next_log; /* of the worker that starts; fd -1: the file stays */
    bool log_wanted;                /* by the worker that starts */
    unsigned log_numbers;           /* files opened so far */
    struct child children[WORKERS_MAX];
    struct origin *origin; /* files of the worker that served last; NULL: not kept */
    struct supervisor_config config;
    struct control control;
    bool control_opens;   /* a job is opening its socket, */
    bool control_changed; /* and another worker has become ready meanwhile */
    struct helper closer;    /* closes descriptors whose close(2) may wait */
    struct helper paths;     /* makes the calls with paths: supervisor_job.h */
    unsigned starts;         /* workers started so far */
    unsigned reopens;        /* of the log that are under way */
    struct notify notify;
    struct values values; /* set by goevd ctl set */
    struct ticket_keys tickets; /* of TLS; zeroed until a worker asks for them */
    int signal_fd;
    sigset_t old_mask;
    struct rlimit old_files;   /* RLIMIT_NOFILE */
    struct proto_ready limits; /* READY of the worker that served last */
    bool was_ready;            /* a worker has served */
    bool stopping;
    uint64_t stop_ns;    /* time of the last request to stop; 0: none */
    uint64_t soon_ns;    /* 0, or when stop_delay ends and it stops */
    uint64_t extend_ns;  /* 0, or when the manager is asked for more time to stop */
    uint64_t restart_ns; /* 0, or when a worker takes the place of one that died */
    uint64_t room_ns;    /* 0, or when a draining worker has to make room */
    unsigned reload;     /* the number of the reload that is wanted; 0: none */
    bool reload_waits;   /* ... by a worker: no draining worker has to make room */
    unsigned reloads;    /* number of the last request for a reload */
    uint64_t crashes_ns[CRASHES_MAX];
    unsigned crashes;
    uint64_t outage_ns; /* since when no worker has served; it counts when none does */
    unsigned retries;   /* workers that have failed to start since then */
    unsigned restarts;
    time_t since; /* when goevd was started */
    struct status_event last_reload;
    struct status_event last_crash;
    char *published;                      /* the status that workers can read */
    char notified[SUPERVISOR_STATUS_MAX]; /* STATUS= that was sent last */
    uint64_t cut;                         /* connections that workers have ended at a deadline */
    int status;
};

/* Whether it stops, or is going to. */
static inline bool
supervisor_ends(const struct supervisor *s)
{
    return s->stopping || s->soon_ns;
}

/* The first worker in that state, or NULL; of CHILD_STARTING and CHILD_SERVING there is one. */
struct child *supervisor_find(struct supervisor *s, enum child_state state);

/* Take one message. False: there is none left. */
bool supervisor_receive(struct supervisor *s, struct child *c);

/* Refuse the request of a worker. */
int supervisor_refuse(struct child *c, const struct err *err);

/* The log that a worker requests. It is used once that worker serves, or forgotten. */
int supervisor_on_log(struct supervisor *s, struct child *c, struct proto_log *how);
void supervisor_commit_log(struct supervisor *s, struct child *c);
void supervisor_forget_log(struct supervisor *s);

/* Reopen the log file for all processes. 0: clients that wait get their reply when all workers
 * write to the new file, or when it cannot be opened; a negative errno, and the old file stays. */
int supervisor_reopen(struct supervisor *s, const char *why, struct err *reterr);

/* Whether a log file is queued for a worker that is not reading; and send it. */
bool supervisor_owes_log(const struct child *c);
void supervisor_repeat_log(struct supervisor *s, struct child *c);
void supervisor_on_log_taken(struct supervisor *s, struct child *c,
                             const struct proto_log_taken *taken);
void supervisor_reply_reopened(struct supervisor *s);

/* A worker cannot change to the new file: log it, and refuse the clients that wait. */
void supervisor_reopen_failed(struct supervisor *s, const struct err *err);

/* The pid file that a worker requests, taken once that worker serves; and let go of one. */
int supervisor_on_pid_file(struct supervisor *s, struct child *c, struct proto_pid_file *file);
void supervisor_commit_pidfile(struct supervisor *s);
void supervisor_close_pidfile(struct supervisor *s, struct pidfile *f);

/* Files of plugins: the request of a worker that starts; reopening for all workers, or for one
 * worker that is reading again. */
int supervisor_on_file(struct supervisor *s, struct child *c, const struct proto_file *file);
bool supervisor_reopen_files(struct supervisor *s);
void supervisor_send_files(struct supervisor *s, struct child *c);

/* Files to start from: the request of a worker; a file that a worker sends to be kept, whose fd is
 * taken over; and a worker that serves, whose files replace the kept ones. */
int supervisor_on_snapshot(struct supervisor *s, struct child *c);
int supervisor_on_keep(struct supervisor *s, struct child *c, struct proto_kept *file, int fd);
void supervisor_commit_origin(struct supervisor *s, struct child *c);

/* The keys of TLS tickets: the request of a worker; the next key, if it is due. */
int supervisor_on_tickets(struct supervisor *s, struct child *c);
void supervisor_rotate_tickets(struct supervisor *s);

/* Metrics: the memory in which a worker counts, the names that a serving worker brings, and the
 * counters of the supervisor itself. */
int supervisor_on_counts(struct supervisor *s, struct child *c);
void supervisor_commit_counts(struct supervisor *s, struct child *c);
void supervisor_count_end(struct supervisor *s);
void supervisor_count_reload(struct supervisor *s, bool ok);

/* Reply to the clients that wait for this reload; 0 is none. */
void supervisor_reply_reloaded(struct supervisor *s, unsigned reload);

/* Messages to the service manager: ready, reloading, the load; and by timer the watchdog's sign of
 * life and the time that stopping may still take. */
void supervisor_notify_ready(struct supervisor *s);
void supervisor_notify_reloading(struct supervisor *s);
void supervisor_notify_status(struct supervisor *s);
void supervisor_reply_status(struct supervisor *s, struct control_client *client);

/* Let workers read how goevd is, for the status page. */
void supervisor_publish_status(struct supervisor *s);

/* Record an event of this moment for goevd ctl status. */
void supervisor_note(struct status_event *event, bool ok, const char *format, ...) PRINTF(3, 4);
void supervisor_notify_time(struct supervisor *s, uint64_t now_ns);

/* Take over the sockets that the service manager has passed, and let it keep those that listen. */
int supervisor_inherit(struct supervisor *s, struct err *reterr);

/* Heartbeats of workers: one came; the time at which silence is judged (0: never); judge it; and do
 * not charge workers for `ns` in which the supervisor itself was stopped. */
void supervisor_on_load(struct child *c, const struct proto_load *load);
uint64_t supervisor_hang_due_ns(const struct supervisor *s);
void supervisor_hang_time(struct supervisor *s, uint64_t now_ns);
void supervisor_hang_excuse(struct supervisor *s, uint64_t ns);

/* Wait for the workers that have ended. */
void supervisor_reap(struct supervisor *s);

/* No worker serves, and one could not be started: try again later. */
void supervisor_retry(struct supervisor *s);

/* Stop by steps: the first call begins stop_delay, if there is one, the next one drains, and the
 * last one stops at once. `why` begins the line in the log. */
void supervisor_stop(struct supervisor *s, const char *why);

/* The same without stop_delay. */
void supervisor_stop_now(struct supervisor *s, const char *why);

/* Let a new worker take over. Returns the number of this reload, for clients to wait for. */
unsigned supervisor_reload(struct supervisor *s, const char *why);

/* Listen where the worker that serves wants it; and no more. */
void supervisor_open_control(struct supervisor *s);
void supervisor_close_control(struct supervisor *s);

/* A control_request_fn. */
void supervisor_on_request(struct control_client *client, const char *request, void *arg);
