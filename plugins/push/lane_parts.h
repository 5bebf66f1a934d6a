/* A lane: one connection to Redis for each poller, and what its parts share.
 *
 *   lane.c      commands, for clients
 *   answers.c   what is to be answered, in order
 *   replies.c   Redis's protocol
 *   link.c      the connection, which is borrowed from a pool
 *   queue.c     the bytes of commands that wait
 *
 * Commands go to the connection at once, or wait in the queue: for a connection, for room in its
 * output, or for the next one after the lane's turn. Each has an entry in the ring.
 */
#ifndef PUSH_LANE_PARTS_H
#define PUSH_LANE_PARTS_H

#include <hiredis/hiredis.h>

#include "push/push.h"
#include "push/queue.h"

#define PUSH_LANE_ARGS 2 /* of a command, before its lines */

/* What Redis will answer next, or what is answered in its place once its turn has come. */
struct push_entry {
    struct push_client *client; /* NULL: the lane's own command */
    unsigned lines;
    const char *sentence; /* static; NULL: Redis answers */
    bool secret;          /* errors of Redis may repeat it */
};

struct push_lane {
    struct push_instance *instance;
    struct goevd_poller *poller;
    struct goevd_conn *conn; /* NULL: none is borrowed */
    bool asked;              /* ... but one is coming */
    bool stopping;           /* ends when all is answered */
    bool contended;          /* there are more pollers than connections */
    bool yields;             /* the connection goes back after what has been asked of it */
    bool returned;           /* ... and has gone back */
    uint64_t borrowed_ns;    /* since when it is borrowed */
    uint64_t turn_end;       /* `answered` when all that was asked of it is answered */
    size_t turn_bytes;       /* of the queue that belong to it */
    redisReader *reader;
    struct push_queue queue;    /* commands that wait */
    struct push_entry *entries; /* a ring of `capacity`, a power of two */
    size_t capacity, first, count;
    uint64_t answered; /* entries so far */
    const char *argv[PUSH_LANE_ARGS +
                     PUSH_LANE_LINES_MAX]; /* the next command, while a client's lines are */
    size_t lens[PUSH_LANE_ARGS + PUSH_LANE_LINES_MAX]; /* gathered */
    unsigned lines;
    char error[160]; /* the last one of Redis's own */
};

/* ---- answers.c ------------------------------------------------------------------------------- */

/* Behind all others. 0; -ENOMEM. */
int push_lane_expect(struct push_lane *lane, const struct push_entry *e);

/* Before all others. 0; -ENOMEM. */
int push_lane_expect_first(struct push_lane *lane, const struct push_entry *e);

void push_lane_forget_last(struct push_lane *lane);

/* The first entry has been answered; then come those that Redis knows nothing of. */
void push_lane_answer(struct push_lane *lane, const char *sentence);

/* Nobody knows whether Redis has got what was on the way. */
void push_lane_fail(struct push_lane *lane, const char *sentence);

/* ---- replies.c ------------------------------------------------------------------------------- */

extern redisReplyObjectFunctions push_reply_functions;

/* 0; -EPROTO for what is no reply; -EACCES for a server that does not take AUTH or SELECT; -EREMOTE
 * for one that does not take lines but another may. lane->error says more. */
int push_lane_read_replies(struct push_lane *lane);

/* ---- link.c ---------------------------------------------------------------------------------- */

/* There is a connection, or there will be one. */
int push_lane_ready(struct push_lane *lane);

/* Write what waits, as far as the connection takes it. 0, or an error of the connection. */
int push_lane_flush(struct push_lane *lane);

#endif
