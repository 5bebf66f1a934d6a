/* Messages between supervisor and worker, over a socketpair of SOCK_SEQPACKET: one message a
 * packet, descriptors beside it. Their order in the life of a worker:
 *
 *   worker                 supervisor
 *   HELLO             ->   WELCOME
 *   SNAPSHOT          ->   SNAPSHOT with the memfd; then, if that is to be replayed, KEPT for each
 *                          file, with it
 *   LOG               ->   WELCOME with the file, or REFUSED, as after the next three
 *   PID_FILE          ->   WELCOME
 *   FILE, for each    ->   WELCOME with the file
 *   LISTEN, for each  ->   SOCKETS, one or more
 *   TICKETS           ->   TICKETS with the memfd
 *   COUNTS            ->   COUNTS, and COUNTS for each other worker
 *   BEGIN             ->   WELCOME
 *   RECALL            ->   VALUE, one or more
 *   KEEP, for each                                     with the file, if nothing is replayed
 *   READY                                              or, at any time before, FAILED
 *   LOAD, VALUE, REPLACE   CONTROL, VALUE, LOG_FILE, FILE_NEW, COUNTS
 *   LOG_TAKEN                                          after LOG_FILE or FILE_NEW
 *   DRAINING          <-   STOP
 *
 * The worker sends HELLO first, with the version it speaks. The two may come from different builds,
 * because a reload starts the worker that is on disk then. Within a major version messages only
 * gain fields at their end. Each side takes the known fields and zeroes the rest.
 */
#pragma once

#include <goevd/logfile.h>
#include <goevd/plugin.h>

#include "net/accept/listen.h"

#define PROTO_MAJOR 1
#define PROTO_MINOR 9
#define PROTO_TEXT_MAX 256
#define PROTO_RELEASE_MAX 32    /* with the final zero byte */
#define PROTO_FILE_MAX 4096     /* path of any file, with the final zero byte */
#define PROTO_FAILURE_MAX 16384 /* with the final zero byte */
#define PROTO_PATH_MAX 108      /* with the final zero byte, unix(7) */
#define PROTO_REQUEST_MAX 1025  /* with the final zero byte */
#define PROTO_NAME_MAX 256      /* of a socket unit's file descriptor, and of a value; likewise */
#define PROTO_VALUE_MAX 512     /* likewise */
#define PROTO_FDS_MAX 256       /* sockets of one listener; SCM_MAX_FD of the kernel is 253 */
#define PROTO_FDS_CHUNK 128
#define PROTO_FDS_ALL 253 /* that a message can bring, SCM_MAX_FD of the kernel */
#define PROTO_KEPT_MAX 64 /* files of KEEP: the binary and plugins; more are not kept */
#define PROTO_FILES_MAX GOEVD_LOGFILE_MAX /* that plugins add lines to, of one worker */

enum proto_type {
    PROTO_HELLO = 1, /* worker: my version */
    PROTO_WELCOME,   /* supervisor: go on */
    PROTO_LISTEN,    /* worker: give me the sockets of an address */
    PROTO_SOCKETS,   /* supervisor: here they are, `left` more to come in further packets */
    PROTO_REFUSED,   /* supervisor: no, and why */
    PROTO_READY,     /* worker: I serve */
    PROTO_STOP,      /* supervisor: drain and end */
    PROTO_CONTROL,   /* supervisor: answer the client of the control socket that comes with it */
    PROTO_FAILED,    /* worker: I shall not serve, and why */
    PROTO_DRAINING,  /* worker: I am stopping, and accept no more */
    PROTO_PID_FILE,  /* worker: hold this file; WELCOME or REFUSED follows */
    PROTO_BEGIN,     /* worker: I have all that I need, may I begin? WELCOME or REFUSED follows */
    PROTO_LOAD,      /* worker: so much have I to do */
    PROTO_RECALL,    /* worker, if the supervisor speaks 1.4: which values were set at run time? */
    PROTO_VALUE,     /* supervisor: this one, `left` more to come; worker: this one has been set */
    PROTO_LOG,       /* worker, if the supervisor speaks 1.4: log so, and give me the file, if it is
                      * one; WELCOME or REFUSED follows */
    PROTO_LOG_FILE,  /* supervisor: the log goes on in this file */
    PROTO_LOG_TAKEN, /* worker: it does, or that other file */
    PROTO_FILE,     /* worker, if the supervisor speaks 1.4: give me a file that lines are added to;
                     * WELCOME or REFUSED follows */
    PROTO_FILE_NEW, /* supervisor: that file, opened anew */
    PROTO_REPLACE,  /* worker, if the supervisor speaks 1.4: let another take my place, and why */
    PROTO_CUT,      /* worker, if the supervisor speaks 1.5: so many connections I end unfinished */
    PROTO_SNAPSHOT, /* worker, if the supervisor speaks 1.6: give me my origin. supervisor: this
                     */
    PROTO_KEPT,     /* supervisor: a file that the worker before has loaded */
    PROTO_KEEP,     /* worker: a file that I have loaded; my successor may need it */
    PROTO_COUNTS,   /* worker, if the supervisor speaks 1.7: where do I count? supervisor: there,
                     * and there are the totals; or where another worker counts */
    PROTO_TICKETS,  /* worker, if the supervisor speaks 1.9: where are the keys of TLS tickets?
                     * supervisor: here; without a descriptor: there are none */
};

struct proto_hello {
    uint32_t major;
    uint32_t minor;
    int32_t pid;
    char release[PROTO_RELEASE_MAX]; /* of goevd; "": before 1.6 */
};

struct proto_welcome {
    uint64_t quiet; /* the supervisor logs why the worker does not serve, and the worker does not */
    uint32_t major;
    uint32_t minor; /* 0 before 1.4 */
};

struct proto_listen {
    struct address address;
    struct listen_options options;
    uint32_t count; /* of sockets, if the address is not open yet */
    uint32_t nth;   /* among the listeners with this address: several may ask for port 0 */
    char systemd[PROTO_NAME_MAX]; /* "": the address; else the name of sockets from systemd */
    uint32_t steer_count;         /* 0: connections are not steered; else they are, once READY, */
    uint16_t steer_cpus[PROTO_FDS_MAX]; /* ... by these CPUs: socket i is for i mod steer_count */
};

struct proto_sockets {
    struct address bound;
    uint32_t left;
};

struct proto_refused {
    int32_t code; /* negative errno */
    char text[PROTO_TEXT_MAX];
};

struct proto_ready {
    uint64_t stop_timeout_ns;     /* how long it may drain */
    char control[PROTO_PATH_MAX]; /* path of the control socket; "": none */
    uint64_t drain_timeout_ns;    /* how long it may drain when another has taken its place */
    uint64_t start_timeout_ns;    /* how long the next one may take to be ready */
    uint64_t crash_window_ns;     /* so many workers that die within this time */
    uint32_t crashes_max;         /* ... end the supervisor */
    uint32_t workers_max;         /* that may live at once */
    uint64_t drain_min_ns;        /* how long one drains before it has to make room */
    uint32_t log_level;           /* the least urgent lines that are logged; 0: before 1.4 */
    uint32_t hang_abort;          /* as in the first LOAD, which may come too late, or never */
    uint64_t hang_silence_ns;     /* likewise; 0: before 1.6 */
    char config[PROTO_FILE_MAX];  /* path of the configuration; "": before 1.6 */
    uint64_t restart_timeout_ns; /* how long workers are started while none serves; 0: before 1.6 */
    uint64_t stop_delay_ns; /* how long it serves on when goevd is going to stop; 0: before 1.8 */
};

struct proto_stop {
    uint32_t now;      /* do not drain */
    uint32_t replaced; /* another worker serves: drain for drain_timeout; else for stop_timeout,
                        * which may come while it drains already */
    uint32_t soon;     /* nothing but this: goevd is going to stop, and the worker serves on */
};

struct proto_control {
    char request[PROTO_REQUEST_MAX];
};

struct proto_failed {
    char text[PROTO_FAILURE_MAX]; /* lines */
};

struct proto_pid_file {
    char path[PROTO_FILE_MAX];
};

struct proto_load {
    uint64_t open;     /* connections */
    uint64_t accepted; /* so far */
    uint64_t
        silence_ns; /* without another LOAD for so long, it is stopped or stuck; 0: none follows */
    uint32_t abort; /* it is to be replaced then */
};

struct proto_value {
    char name[PROTO_NAME_MAX]; /* "": there is none */
    char value[PROTO_VALUE_MAX];
    uint32_t left;
    uint32_t unset;     /* it stands in the configuration again */
    uint32_t log_level; /* of the worker, with it */
};

struct proto_log {
    uint32_t target;           /* enum log_target */
    uint32_t format;           /* enum log_format */
    char path[PROTO_FILE_MAX]; /* of LOG_TO_FILE */
};

struct proto_log_taken {
    int32_t code; /* 0, or the negative errno that kept it from that */
};

struct proto_file {
    char option[PROTO_NAME_MAX]; /* that has named it */
    char path[PROTO_FILE_MAX];
};

struct proto_file_new {
    uint32_t nth; /* of those that the worker has asked for, from 0 */
};

struct proto_cut {
    uint64_t connections;
};

struct proto_snapshot {
    uint32_t replay; /* start from it; else record each file that is read */
    uint32_t files;  /* KEPT messages that follow */
};

/* Of KEEP and KEPT. */
struct proto_kept {
    uint32_t binary; /* it is goevd itself; else a plugin */
    char path[PROTO_FILE_MAX];
};

struct proto_counts {
    uint64_t id;   /* of that memory; 0: there is none, count in memory of your own */
    uint32_t left; /* COUNTS messages that follow, of other workers */
};

struct proto_replace {
    char why[PROTO_TEXT_MAX];
};

struct proto_message {
    uint32_t type; /* enum proto_type */
    uint32_t size; /* bytes of the body, as the sender knows it */
    union {
        struct proto_hello hello;
        struct proto_welcome welcome;
        struct proto_listen listen;
        struct proto_sockets sockets;
        struct proto_refused refused;
        struct proto_ready ready;
        struct proto_stop stop;
        struct proto_control control;
        struct proto_failed failed;
        struct proto_pid_file pid_file;
        struct proto_load load;
        struct proto_value value;
        struct proto_log log;
        struct proto_log_taken log_taken;
        struct proto_file file;
        struct proto_file_new file_new;
        struct proto_replace replace;
        struct proto_cut cut;
        struct proto_snapshot snapshot;
        struct proto_kept kept;
        struct proto_counts counts;
    };
};

/* Whether two listeners ask for the same sockets, however that was written, but for nth. */
bool proto_is_same(const struct proto_listen *a, const struct proto_listen *b);

/* A pair of connected sockets, both close-on-exec: [0] the supervisor's. */
int proto_pair(int ret_fds[2], struct err *reterr);

/* body: `size` bytes that follow the head. fds may be none. 0; a negative errno, -EPIPE when the
 * other side is gone. */
int proto_send(int fd, enum proto_type type, const void *body, size_t size, const int *fds,
               unsigned fd_count);

/* The same without waiting: -EAGAIN while the other side has too many messages to read. */
int proto_try_send(int fd, enum proto_type type, const void *body, size_t size, const int *fds,
                   unsigned fd_count);

/* Wait for one message. 0; -EPIPE when the other side is gone; -EBADMSG. At most fd_max received
 * fds, close-on-exec, go to ret_fds, their number to *ret_fd_count. */
int proto_receive(int fd, struct proto_message *ret, int *ret_fds, unsigned fd_max,
                  unsigned *ret_fd_count);

/* The same without waiting: -EAGAIN. Every descriptor that came is the caller's, for closing one
 * may wait; also with -EMFILE, when there was no room for all of them. */
int proto_try_receive(int fd, struct proto_message *ret, int ret_fds[PROTO_FDS_ALL],
                      unsigned *ret_fd_count);
