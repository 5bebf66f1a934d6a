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
    CHILD_STARTING, /* it has not said READY; there is at most one */
    CHILD_SERVING,  /* likewise */
    CHILD_DRAINING, /* told to stop */
};

struct child_message;

struct child {
    enum child_state state;
    struct child_message *queue; /* what it has yet to read */
    unsigned queued;
    pid_t pid;
    int fd;          /* our end of its socketpair; -1: closed */
    unsigned reload; /* the number of the reload that it is started, or drains, for; 0: none */
    bool welcomed;   /* its HELLO was good */
    bool recalled;   /* it has the values that were set before */
    uint64_t counts; /* id of the memory that it counts in; 0: the ledger has none */
    bool replays;    /* it starts from what the supervisor keeps, and not from the disk */
    struct origin *origin;                     /* else what it starts from; NULL: nothing yet */
    unsigned log_number;                       /* of the log file that it writes to; 0: to none */
    unsigned log_sent;                         /* log files that it has yet to go over to */
    bool log_due;                              /* the one that is open now it has yet to be sent */
    struct proto_file *files[PROTO_FILES_MAX]; /* that it has asked for */
    unsigned file_count;
    bool files_due; /* they have yet to be opened anew for it */
    bool hastened;  /* told to stop now */
    bool unheard;   /* `stop` waits until it listens */
    struct proto_stop stop;
    struct proto_load load;          /* what it has reported last */
    uint64_t heard_ns;               /* when; 0: never */
    bool silent;                     /* so long ago that it is stopped or stuck */
    char release[PROTO_RELEASE_MAX]; /* of the goevd that it runs */
    time_t since;                    /* when it was started */
    uint64_t begun_ns;               /* when it came into this state */
    uint64_t deadline_ns;            /* 0, or when it is killed */
    struct proto_ready ready;
    char failure[PROTO_FAILURE_MAX]; /* why it will not serve */
};

/* How to start one. */
struct child_command {
    const char *path; /* of the binary */
    int kept_fd;      /* the binary that served last; -1: none */
    bool fresh;       /* run what is at the path now */
    char **argv;      /* the supervisor's own */
    const sigset_t *mask;
    const struct rlimit *files; /* RLIMIT_NOFILE, before the supervisor raised its own */
};

/* Fork and execute it. 0; a negative errno. */
int child_start(struct child *c, const struct child_command *command, struct err *reterr);

/* Send it a message, later if it is not reading now. 0; -EAGAIN: it has read too little for long;
 * another negative errno. */
#define CHILD_QUEUE_MAX 2048
int child_send(struct child *c, enum proto_type type, const void *body, size_t size,
               const int *fds, unsigned count);

/* It is reading: send what is queued. */
void child_flush(struct child *c);

void child_queue_fini(struct child *c);

/* Take what it has said in READY. */
void child_serve(struct child *c, const struct proto_ready *ready);

/* Tell it to drain. `replaced`: another serves. */
void child_drain(struct child *c, bool replaced);

/* It is ready, and has been told to drain before that was known: it has as long as it wants. */
void child_allow(struct child *c, const struct proto_ready *ready);

/* It drains, and goevd stops: it has stop_timeout from now on, unless it had less. */
void child_stop_draining(struct child *c);

/* Tell it to stop now. */
void child_hasten(struct child *c);

/* It listens again: tell it what it has not heard. */
void child_repeat(struct child *c);

/* It has had its time. */
void child_kill(struct child *c);

/* It is stopped or stuck: end it with a core dump, and if that takes long without. */
void child_abort(struct child *c);

/* A descriptor that a worker has sent lingers no more when it is closed, because a worker that is
 * started meanwhile would wait for it too: fork(2) copies it, and execve(2) closes the copy. */
void child_unset_linger(int fd);

/* Close its channel, and let go what is left there. */
void child_hang_up(struct child *c, struct helper *closer);

/* It has ended. Its channel, and what it may have sent there, is closed by `closer`. */
void child_fini(struct child *c, struct helper *closer);

/* How it ended, as in "was killed by signal 11 (Segmentation fault)". */
void child_describe_end(int status, char *buf, size_t size);
