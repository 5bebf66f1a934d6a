/* A lane: one connection to Redis for each poller, and what its parts share.
 *
 *   lane.c      commands, for clients
 *   answers.c   what is to be answered, in order
 *   replies.c   Redis's protocol
 *   link.c      the connection, which is borrowed from a pool
 */
#ifndef PUSH_LANE_PARTS_H
#define PUSH_LANE_PARTS_H

#include <hiredis/hiredis.h>

#include "push/push.h"

#define LANE_ARGS 2 /* of a command, before its lines */

/* What Redis will answer next, or what is answered in its place once its turn has come. */
struct push_entry {
    struct push_client *client; /* NULL: the lane's own command */
    unsigned lines;
    const char *sentence; /* static; NULL: Redis answers */
};

struct push_lane {
    struct push_instance *instance;
    struct goevd_poller *poller;
    struct goevd_conn *conn; /* NULL: none is borrowed */
    bool asked;              /* ... but one is coming */
    bool stopping;           /* ends when all is answered */
    redisReader *reader;
    char *text; /* commands that wait for a connection */
    size_t len, room;
    struct push_entry *entries; /* a ring of `capacity`, a power of two */
    size_t capacity, first, count;
    const char
        *argv[LANE_ARGS + PUSH_LANE_LINES_MAX];   /* the next command, while a client's lines are */
    size_t lens[LANE_ARGS + PUSH_LANE_LINES_MAX]; /* gathered */
    unsigned lines;
    char error[160]; /* the last one of Redis's own */
};

/* ---- answers.c ------------------------------------------------------------------------------- */

int push_lane_expect(struct push_lane *lane, const struct push_entry *e);
void push_lane_forget_last(struct push_lane *lane);

/* The first entry has been answered; then come those that Redis knows nothing of. */
void push_lane_answer(struct push_lane *lane, const char *sentence);

/* Nobody knows whether Redis has got what was on the way. */
void push_lane_fail(struct push_lane *lane, const char *sentence);

/* ---- replies.c ------------------------------------------------------------------------------- */

extern redisReplyObjectFunctions push_reply_functions;

int push_lane_read_replies(struct push_lane *lane);

/* ---- link.c ---------------------------------------------------------------------------------- */

/* There is a connection, or there will be one. */
int push_lane_ready(struct push_lane *lane);

/* ---- lane.c ---------------------------------------------------------------------------------- */

/* Whoever had the connection before may have used another database. */
int push_lane_introduce(struct push_lane *lane);

#endif
