/* A lane: one connection to Redis for each poller, and the state that its parts share.
 *
 *   lane.c      commands of clients
 *   answers.c   expected replies, in order
 *   replies.c   Redis's protocol
 *   link.c      the connection, which is borrowed from a pool
 *   queue.c     the bytes of waiting commands
 *
 * A command is written at once, or waits in the queue: for a connection, for room in its output, or
 * for the next connection when the lane returns this one. Each command has an entry in the ring.
 */
#ifndef PUSH_LANE_PARTS_H
#define PUSH_LANE_PARTS_H

#include <hiredis/hiredis.h>

#include "push/push.h"
#include "push/queue.h"

#define PUSH_LANE_ARGS 2 /* arguments of a command before its lines */

/* The next reply of Redis, or a sentence that is sent in its place when its turn has come. */
struct push_entry {
    struct push_client *client; /* NULL: a command of the lane itself */
    unsigned lines;
    const char *sentence; /* static; NULL: Redis replies */
    bool secret;          /* not logged, because an error of Redis may repeat the command */
};

struct push_lane {
    struct push_instance *instance;
    struct goevd_poller *poller;
    struct goevd_conn *conn; /* NULL: no connection is borrowed */
    bool asked;              /* ... but one was requested */
    bool stopping;           /* ends when every entry is answered */
    bool contended;          /* there are more pollers than connections */
    bool yields;             /* the connection is returned after the replies to its commands */
    bool returned;           /* ... and has been returned */
    uint64_t borrowed_ns;    /* time at which it was borrowed */
    uint64_t turn_end;       /* value of `answered` at which all its commands are answered */
    size_t turn_bytes;       /* bytes of the queue that belong to it */
    redisReader *reader;
    struct push_queue queue;    /* waiting commands */
    struct push_entry *entries; /* ring of `capacity` entries, a power of two */
    size_t capacity, first, count;
    uint64_t answered; /* entries answered so far */
    const char
        *argv[PUSH_LANE_ARGS + PUSH_LANE_LINES_MAX];   /* arguments of the next command, while */
    size_t lens[PUSH_LANE_ARGS + PUSH_LANE_LINES_MAX]; /* lines of a client are gathered */
    unsigned lines;
    char error[160]; /* the last error, of Redis or of the protocol */
};

/* ---- answers.c ------------------------------------------------------------------------------- */

/* Append an entry. 0; -ENOMEM. */
int push_lane_expect(struct push_lane *lane, const struct push_entry *e);

/* Prepend an entry. 0; -ENOMEM. */
int push_lane_expect_first(struct push_lane *lane, const struct push_entry *e);

void push_lane_forget_last(struct push_lane *lane);

/* Answer the first entry, and those behind it that are not sent to Redis. */
void push_lane_answer(struct push_lane *lane, const char *sentence);

/* Fail all entries on the way: whether Redis has received them is unknown. */
void push_lane_fail(struct push_lane *lane, const char *sentence);

/* ---- replies.c ------------------------------------------------------------------------------- */

extern redisReplyObjectFunctions push_reply_functions;

/* 0; -EPROTO: malformed reply; -EACCES: the server refuses AUTH or SELECT; -EREMOTE: the server
 * refuses lines, but another one may accept them. lane->error has details. */
int push_lane_read_replies(struct push_lane *lane);

/* ---- link.c ---------------------------------------------------------------------------------- */

/* Make sure that a connection exists or is requested. */
int push_lane_ready(struct push_lane *lane);

/* Write waiting commands, as far as the connection takes them. 0, or an error of the connection. */
int push_lane_flush(struct push_lane *lane);

#endif
