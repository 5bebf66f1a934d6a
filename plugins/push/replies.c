#include "push/lane_parts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define SAYS "redis replied: "
#define REPLY_MAX 65536 /* largest reply; replies to RPUSH are numbers and errors */

/* hiredis's reader calls these functions instead of creating objects. */

static void *
push_reply_text(const redisReadTask *task, char *text, size_t len)
{
    struct push_lane *lane = task->privdata;

    if (task->type != REDIS_REPLY_ERROR)
        return lane;
    snprintf(lane->error, sizeof(lane->error), SAYS "%.*s", (int)(len < 120 ? len : 120), text);
    return lane;
}

#if HIREDIS_MAJOR < 1
typedef int reply_count;
#else
typedef size_t reply_count;
#endif

static void *
push_reply_array(const redisReadTask *task, reply_count len)
{
    (void)len;
    return task->privdata;
}

static void *
push_reply_integer(const redisReadTask *task, long long value)
{
    (void)value;
    return task->privdata;
}

static void *
push_reply_nil(const redisReadTask *task)
{
    return task->privdata;
}

static void
push_reply_free(void *reply)
{
    (void)reply; /* the reply object is the lane itself */
}

redisReplyObjectFunctions push_reply_functions = {
    .createString = push_reply_text,
    .createArray = push_reply_array,
    .createInteger = push_reply_integer,
    .createNil = push_reply_nil,
    .freeObject = push_reply_free,
};

/* Whether a server has no master, is a replica, or holds other keys: then its name may lead to
 * another server by now. */
static bool
push_error_leaves(const char *error)
{
    static const char *const codes[] = {"READONLY", "MOVED",       "ASK",        "LOADING",
                                        "NOAUTH",   "CLUSTERDOWN", "MASTERDOWN", "NOREPLICAS"};
    const char *code = error + sizeof(SAYS) - 1;

    for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++) {
        size_t len = strlen(codes[i]);

        if (strncmp(code, codes[i], len) == 0 && (code[len] == ' ' || code[len] == '\0'))
            return true;
    }
    return false;
}

/* Copy the first word of an error, its kind. The other words may repeat the command. */
static void
push_error_cut(char *error)
{
    char *space = strchr(error + sizeof(SAYS) - 1, ' ');

    if (space)
        *space = '\0';
}

/* 0: the reply, or error, answers the first entry. */
static int
push_lane_take_reply(struct push_lane *lane)
{
    const struct push_entry *e = &lane->entries[lane->first];
    bool leaves = lane->error[0] && push_error_leaves(lane->error);

    if (lane->count == 0)
        return -EPROTO; /* a reply without a command */
    if (lane->error[0] && e->secret)
        push_error_cut(lane->error);
    if (lane->error[0] && !e->client)
        return -EACCES;
    push_lane_answer(lane, lane->error[0] ? lane->error : NULL);
    return leaves ? -EREMOTE : 0;
}

int
push_lane_read_replies(struct push_lane *lane)
{
    void *reply;
    int r = 0;

    while (r == 0) {
        lane->error[0] = '\0';
        if (redisReaderGetReply(lane->reader, &reply) != REDIS_OK)
            return -EPROTO;
        if (!reply)
            return lane->reader->len - lane->reader->pos > REPLY_MAX ? -EPROTO : 0;
        r = push_lane_take_reply(lane);
    }
    return r;
}
