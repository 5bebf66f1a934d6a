#include "push/lane_parts.h"

#include <errno.h>
#include <stdio.h>

/* hiredis's reader calls these instead of making objects. */

static void *
push_reply_text(const redisReadTask *task, char *text, size_t len)
{
    struct push_lane *lane = task->privdata;

    if (task->type != REDIS_REPLY_ERROR)
        return lane;
    snprintf(lane->error, sizeof(lane->error), "redis says: %.*s", (int)(len < 120 ? len : 120),
             text);
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
    (void)reply; /* it is the lane */
}

redisReplyObjectFunctions push_reply_functions = {
    .createString = push_reply_text,
    .createArray = push_reply_array,
    .createInteger = push_reply_integer,
    .createNil = push_reply_nil,
    .freeObject = push_reply_free,
};

int
push_lane_read_replies(struct push_lane *lane)
{
    void *reply;

    for (;;) {
        lane->error[0] = '\0';
        if (redisReaderGetReply(lane->reader, &reply) != REDIS_OK)
            return -EPROTO;
        if (!reply)
            return 0;
        if (lane->count == 0)
            return -EPROTO; /* nothing was asked */
        if (lane->error[0] && !lane->entries[lane->first].client)
            return -EACCES; /* AUTH or SELECT: nothing else will do */
        push_lane_answer(lane, lane->error[0] ? lane->error : NULL);
    }
}
