/* push - takes lines and pushes them to a Redis list; a line is acknowledged when Redis has it.
 *
 *   push.c        clients: lines in, acknowledgements out
 *   lane_parts.h  one connection to Redis for each poller, which carries the lines of all its
 *                 clients
 *   options.c     the options
 *
 * Everything except the instance belongs to one poller.
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
    struct goevd_str password; /* data NULL: no password */
    int64_t database;
    int64_t unanswered_max; /* lines of one client */
    int64_t hold_ns;        /* time that an unused connection is kept */
    int64_t queue_max;      /* bytes of waiting commands, for each poller */
    int64_t connect_timeout_ns, reply_timeout_ns;
    int64_t idle_min, connections_max, growth;
    int64_t idle_timeout_ns, check_interval_ns;
};

extern const struct goevd_schema push_options_schema;

struct push_instance {
    struct goevd_self *self;
    const struct push_options *options; /* options at start; some may change on reload */
    struct goevd_pool *pool;
    int acknowledged, failed; /* ids of the metrics of lines */
};

struct push_lane;

/* A client. It exists until it has disconnected and all its lines are answered. */
struct push_client {
    struct goevd_conn *conn; /* NULL: disconnected */
    struct push_lane *lane;
    unsigned unanswered; /* number of lines */
    unsigned resume_at;
    bool held;  /* reading is paused until at most resume_at lines are unanswered */
    bool ended; /* the client has closed its side */
};

/* The next `lines` lines of the client are answered. `sentence`: the reason of a failure; NULL:
 * they were pushed. */
void push_client_answered(struct push_client *client, unsigned lines, const char *sentence);

int push_lane_new(struct push_instance *i, struct goevd_poller *poller, struct push_lane **ret);
void push_lane_free(struct push_lane *lane); /* NULL does nothing */

#define PUSH_LANE_LINES_MAX 256 /* lines of one command */

/* Add a line, which is not copied, to the next push_lane_push(). Returns the number of lines
 * added. */
unsigned push_lane_gather(struct push_lane *lane, const char *line, size_t len);

/* Push the gathered lines of this client, or refuse them if the queue is full. 0; -ENOMEM. */
int push_lane_push(struct push_lane *lane, struct push_client *client);

/* Answer one line with a sentence, after the lines before it. 0; -ENOMEM. */
int push_lane_refuse(struct push_lane *lane, struct push_client *client, const char *sentence);

#endif
