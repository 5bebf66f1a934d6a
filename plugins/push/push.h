/* push - takes lines and pushes them to a Redis list; a line is acknowledged when Redis has it.
 *
 *   push.c        clients: lines in, acknowledgements out
 *   lane_parts.h  one connection to Redis for each poller, which carries the lines of all its
 * clients options.c     what the configuration may say
 *
 * Everything here but the instance belongs to one poller.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PUSH_H
#define PUSH_H

#include <goevd/plugin.h>
#include <goevd/pool.h>

struct push_options {
    struct goevd_str address;
    struct goevd_str key;
    struct goevd_str password; /* data NULL: none */
    int64_t database;
    int64_t unanswered_max; /* lines of one client */
    int64_t hold_ns;        /* how long a connection is kept without lines */
    int64_t queue_max;      /* bytes of commands that wait for a connection, for each poller */
    int64_t connect_timeout_ns, reply_timeout_ns;
    int64_t idle_min, connections_max, growth;
    int64_t idle_timeout_ns, check_interval_ns;
};

extern const struct goevd_schema push_options_schema;

struct push_instance {
    struct goevd_self *self;
    const struct push_options *options; /* as the configuration has them; some may change */
    struct goevd_pool *pool;
    int acknowledged, failed; /* the metrics of lines */
};

struct push_lane;

/* Somebody who sends lines. Lives until he has gone and none of his lines is on the way. */
struct push_client {
    struct goevd_conn *conn; /* NULL: gone */
    struct push_lane *lane;
    unsigned unanswered; /* lines */
    unsigned resume_at;
    bool held;  /* reading pauses until no more than resume_at are unanswered */
    bool ended; /* he sends no more */
};

/* Lines of his have been answered: `sentence` says why they were not pushed; NULL: they were. */
void push_client_answered(struct push_client *client, unsigned lines, const char *sentence);

int push_lane_new(struct push_instance *i, struct goevd_poller *poller, struct push_lane **ret);
void push_lane_free(struct push_lane *lane); /* NULL does nothing */

#define PUSH_LANE_LINES_MAX 256 /* of one command */

/* Add a line, which is not copied, to those of the next push_lane_push(); returns how many these
 * are. */
unsigned push_lane_gather(struct push_lane *lane, const char *line, size_t len);

/* Push them for this client, or refuse them if Redis does not keep up. 0; -ENOMEM. */
int push_lane_push(struct push_lane *lane, struct push_client *client);

/* Answer one line with a sentence, after those before it. 0; -ENOMEM. */
int push_lane_refuse(struct push_lane *lane, struct push_client *client, const char *sentence);

#endif
