/* A worker as its supervisor sees it: from the fork until it has been waited for. */
#pragma once

#include <sys/resource.h>
#include <sys/types.h>
#include <time.h>

#include "process/helper.h"
#include "proto/proto.h"
#include "supervisor/origin.h"

enum child_state {
    CHILD_NONE = 0, /* a free place */
    CHILD_STARTING, /* READY has not come; there is at most one such worker */
    CHILD_SERVING,  /* likewise */
    CHILD_DRAINING, /* STOP was sent */
};

struct child_message;

struct child {
    enum child_state state;
    struct child_message *queue; /* messages that the worker has not read yet */
    unsigned queued;
    pid_t pid;
    unsigned number;       /* the supervisor's count of workers; pids come again */
    int fd;                /* our end of its socketpair; -1: closed */
    unsigned reload;       /* number of the reload that starts or drains it; 0: none */
    bool welcomed;         /* its HELLO was accepted */
    bool recalled;         /* it has the values that were set before */
    uint64_t counts;       /* id of the memory that it counts in; 0: the ledger has none */
    bool replays;          /* it starts from the kept files, not from the disk */
    struct origin *origin; /* else the files that it starts from; NULL: none yet */
    unsigned log_number;   /* of the log file that it writes to; 0: to none */
    unsigned log_sent;     /* log files that it has not confirmed yet */
    bool log_due;          /* the present log file is not sent yet */
    struct proto_file *files[PROTO_FILES_MAX]; /* that it has asked for */
    unsigned file_count;
    bool files_due; /* they are not reopened for it yet */
    bool hastened;  /* STOP with `now` was sent */
    bool unheard;   /* `stop` waits until the worker reads */
    struct proto_stop stop;
    struct proto_load load;          /* of its last heartbeat */
    uint64_t heard_ns;               /* time of that; 0: never */
    bool silent;                     /* no heartbeat for so long: it is stopped or stuck */
    char release[PROTO_RELEASE_MAX]; /* of the goevd that it runs */
    time_t since;                    /* when it was started */
    uint64_t begun_ns;               /* when it came into this state */
    uint64_t deadline_ns;            /* 0, or when it is killed */
    uint64_t held_ns;                /* since when it waits for a path; 0: it does not */
    struct proto_ready ready;
    char failure[PROTO_FAILURE_MAX]; /* why it will not serve */
};

/* How to start one. */
struct child_command {
    const char *path; /* of the binary */
    int kept_fd;      /* the binary that served last; -1: none */
    bool fresh;       /* run the present file at the path, not the kept one */
    char **argv;      /* the supervisor's own */
    const sigset_t *mask;
    const struct rlimit *files; /* RLIMIT_NOFILE, before the supervisor raised its own */
};

/* Fork and execute it. 0; a negative errno. */
int child_start(struct child *c, const struct child_command *command, struct err *reterr);

/* Send it a message, later if it is not reading now. 0; -EAGAIN: it has read too little for long;
 * another negative errno. */
#define CHILD_QUEUE_MAX 2048
int child_send(struct child *c, enum proto_type type, const void *body, size_t size, const int *fds,
               unsigned count);

/* The worker is reading: send the queued messages. */
void child_flush(struct child *c);

void child_queue_fini(struct child *c);

/* The worker serves: take the values of its READY. */
void child_serve(struct child *c, const struct proto_ready *ready);

/* Send STOP with `soon`. A STOP that it has not read yet comes first, so that is not replaced. */
void child_warn(struct child *c);

/* Send STOP: drain. `replaced`: another worker serves. */
void child_drain(struct child *c, bool replaced);

/* READY came after STOP had been sent: allow the drain time that READY names. */
void child_allow(struct child *c, const struct proto_ready *ready);

/* It drains, and goevd stops: it has stop_timeout from now on, unless it had less. */
void child_stop_draining(struct child *c);

/* Send STOP with `now`. */
void child_hasten(struct child *c);

/* The worker reads again: send the STOP that it has missed. */
void child_repeat(struct child *c);

/* Its deadline has passed: SIGKILL. */
void child_kill(struct child *c);

/* It is stopped or stuck: end it with a core dump, and if that takes long without. */
void child_abort(struct child *c);

/* A descriptor that a worker has sent lingers no more when it is closed, because a worker that is
 * started meanwhile would wait for it too: fork(2) copies it, and execve(2) closes the copy. */
void child_unset_linger(int fd);

/* Close its channel, and the descriptors that are still in it. */
void child_hang_up(struct child *c, struct helper *closer);

/* The worker has ended. `closer` closes its channel and the descriptors that are still in it. */
void child_fini(struct child *c, struct helper *closer);

/* How it ended, as in "was killed by signal 11 (Segmentation fault)". */
void child_describe_end(int status, char *buf, size_t size);
