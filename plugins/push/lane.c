#include "push/lane_parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* It waits for the connection. */
static int
push_lane_keep(struct push_lane *lane, const char *command, size_t len)
{
    const struct push_options *o = goevd_options(lane->instance->self, lane->poller);
    char *text;

    if (lane->len + len > (uint64_t)o->queue_max)
        return -EAGAIN;
    if (lane->len + len > lane->room) {
        text = realloc(lane->text, (lane->len + len) * 2);
        if (!text)
            return -ENOMEM;
        lane->text = text;
        lane->room = (lane->len + len) * 2;
    }
    memcpy(lane->text + lane->len, command, len);
    lane->len += len;
    return 0;
}

static int
push_lane_write(struct push_lane *lane, const char *command, size_t len)
{
    int r;

    if (!lane->conn)
        return push_lane_keep(lane, command, len);
    r = goevd_conn_write(lane->conn, command, len);
    return r == -ENOBUFS ? -EAGAIN : r < 0 ? r : 0;
}

/* Say it, and expect its answer. */
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

int
push_lane_introduce(struct push_lane *lane)
{
    const struct push_options *o = lane->instance->options;
    const struct push_entry own = {.client = NULL};
    char database[24];
    const char *auth[] = {"AUTH", o->password.data}, *select[] = {"SELECT", database};
    size_t auth_lens[] = {4, o->password.len}, select_lens[] = {6, 0};
    int r = o->password.data ? push_lane_command(lane, &own, 2, auth, auth_lens) : 0;

    select_lens[1] = (size_t)snprintf(database, sizeof(database), "%lld", (long long)o->database);
    return r < 0 ? r : push_lane_command(lane, &own, 2, select, select_lens);
}

/* ---- For clients ----------------------------------------------------------------------------- */

unsigned
push_lane_gather(struct push_lane *lane, const char *line, size_t len)
{
    lane->argv[LANE_ARGS + lane->lines] = line;
    lane->lens[LANE_ARGS + lane->lines] = len;
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
        r = push_lane_command(lane, &e, (int)e.lines + LANE_ARGS, lane->argv, lane->lens);
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
    *ret = lane;
    return 0;
}

void
push_lane_free(struct push_lane *lane)
{
    if (!lane)
        return;
    free(lane->entries);
    free(lane->text);
    free(lane);
}
