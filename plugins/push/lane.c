#include "push/lane_parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <goevd/poller.h>

/* Queue a command. 0; -EAGAIN: the queue is full; -ENOMEM. */
static int
push_lane_keep(struct push_lane *lane, const char *command, size_t len)
{
    const struct push_options *o = goevd_options(lane->instance->self, lane->poller);

    if (lane->queue.len + len > (uint64_t)o->queue_max)
        return -EAGAIN;
    return push_queue_add(&lane->queue, command, len);
}

static int
push_lane_write(struct push_lane *lane, const char *command, size_t len)
{
    int r = -ENOBUFS;

    if (lane->conn && !lane->yields && lane->queue.len == 0)
        r = goevd_conn_write(lane->conn, command, len);
    if (r != -ENOBUFS && r != -EMSGSIZE)
        return r < 0 ? r : 0;
    r = push_lane_keep(lane, command, len);
    return r < 0 ? r : push_lane_flush(lane);
}

/* Send or queue a command, and expect its reply. */
static int
push_lane_command(struct push_lane *lane, const struct push_entry *e, int argc, const char **argv,
                  const size_t *lens)
{
    char *command;
    int r, len = redisFormatCommandArgv(&command, argc, argv, lens);

    if (len < 0)
        return -ENOMEM;
    r = push_lane_expect(lane, e);
    if (r == 0) {
        r = push_lane_write(lane, command, (size_t)len);
        if (r < 0)
            push_lane_forget_last(lane);
    }
    redisFreeCommand(command);
    return r;
}

/* ---- Called by clients ----------------------------------------------------------------------- */

unsigned
push_lane_gather(struct push_lane *lane, const char *line, size_t len)
{
    lane->argv[PUSH_LANE_ARGS + lane->lines] = line;
    lane->lens[PUSH_LANE_ARGS + lane->lines] = len;
    return ++lane->lines;
}

int
push_lane_push(struct push_lane *lane, struct push_client *client)
{
    const struct push_options *o = lane->instance->options;
    const struct push_entry e = {.client = client, .lines = lane->lines};
    int r = push_lane_ready(lane);

    lane->argv[0] = "RPUSH";
    lane->lens[0] = 5;
    lane->argv[1] = o->key.data;
    lane->lens[1] = o->key.len;
    lane->lines = 0;
    if (r == 0)
        r = push_lane_command(lane, &e, (int)e.lines + PUSH_LANE_ARGS, lane->argv, lane->lens);
    if (r != -EAGAIN)
        return r;
    for (unsigned n = 0; n < e.lines; n++)
        if (push_lane_refuse(lane, client, "redis does not keep up") < 0)
            return -ENOMEM;
    return 0;
}

int
push_lane_refuse(struct push_lane *lane, struct push_client *client, const char *sentence)
{
    const struct push_entry e = {.client = client, .lines = 1, .sentence = sentence};
    int r = push_lane_expect(lane, &e);

    if (r == 0 && lane->count == 1)
        push_lane_answer(lane, NULL);
    return r;
}

int
push_lane_new(struct push_instance *i, struct goevd_poller *poller, struct push_lane **ret)
{
    struct push_lane *lane = calloc(1, sizeof(*lane));

    if (!lane)
        return -ENOMEM;
    lane->instance = i;
    lane->poller = poller;
    lane->contended = goevd_poller_count() > i->options->connections_max;
    *ret = lane;
    return 0;
}

void
push_lane_free(struct push_lane *lane)
{
    if (!lane)
        return;
    free(lane->entries);
    push_queue_clear(&lane->queue);
    free(lane);
}
