#include "push/lane_parts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <goevd/pool.h>

struct push_borrowed {
    struct push_lane *lane;
};

static int
push_borrowed_open(struct goevd_conn *c, void *state)
{
    struct push_lane *lane = ((struct push_borrowed *)state)->lane;
    int r;

    lane->asked = false;
    lane->conn = c;
    lane->reader = redisReaderCreateWithFunctions(&push_reply_functions);
    if (!lane->reader)
        return -ENOMEM;
    lane->reader->privdata = lane;
    r = goevd_conn_write(c, lane->text, lane->len);
    lane->len = 0;
    return r < 0 ? r : 0;
}

static ptrdiff_t
push_borrowed_read(struct goevd_conn *c, void *state, const char *data, size_t len, size_t fresh,
                   unsigned flags)
{
    struct push_lane *lane = ((struct push_borrowed *)state)->lane;
    const struct push_options *o = goevd_options(lane->instance->self, goevd_conn_poller(c));
    int r;

    (void)fresh, (void)flags;
    if (redisReaderFeed(lane->reader, data, len) != REDIS_OK)
        return -ENOMEM;
    r = push_lane_read_replies(lane);
    if (r < 0) {
        goevd_log(lane->instance->self, GOEVD_LOG_ERROR, "%s: %s", o->address.data,
                  r == -EACCES ? lane->error : "this is not Redis's protocol");
        return r;
    }
    if (lane->count == 0 && lane->stopping)
        goevd_conn_close(c, GOEVD_CLOSE_DONE);
    else if (lane->count == 0)
        goevd_conn_deadline(c, (uint64_t)o->hold_ns + 1);
    return (ptrdiff_t)len;
}

/* What has been sent is answered before goevd stops. */
static int
push_borrowed_stop(struct goevd_conn *c, void *state)
{
    struct push_lane *lane = ((struct push_borrowed *)state)->lane;

    (void)c;
    lane->stopping = true;
    return lane->count > 0 ? 0 : -ESHUTDOWN;
}

/* For a while there was nothing to push. */
static int
push_borrowed_timeout(struct goevd_conn *c, void *state, uint64_t cookie)
{
    struct push_lane *lane = ((struct push_borrowed *)state)->lane;

    (void)cookie;
    return lane->count == 0 ? goevd_pool_release(c) : 0;
}

static void
push_borrowed_close(struct goevd_conn *c, void *state, enum goevd_reason reason)
{
    struct push_lane *lane = ((struct push_borrowed *)state)->lane;

    (void)c, (void)reason;
    lane->conn = NULL;
    redisReaderFree(lane->reader);
    lane->reader = NULL;
    push_lane_fail(lane, lane->error[0] ? lane->error : "the connection to redis was lost");
}

static void
push_borrowed_fail(void *instance, struct goevd_poller *poller, void *state, int error)
{
    struct push_lane *lane = ((struct push_borrowed *)state)->lane;
    const struct push_instance *i = instance;
    struct goevd_pool_state pool = {.version = GOEVD_VERSION_OF(struct goevd_pool_state)};
    char sentence[160];

    (void)poller;
    lane->asked = false;
    snprintf(sentence, sizeof(sentence), "no connection to redis: %s", strerror(-error));
    if (lane->count > 0 && error != -ECANCELED) {
        goevd_pool_get_state(i->pool, &pool);
        goevd_log(i->self, GOEVD_LOG_WARNING, "%s: %s; the pool has %llu of %lld connections",
                  i->options->address.data, sentence, (unsigned long long)pool.live,
                  (long long)i->options->connections_max);
    }
    push_lane_fail(lane, sentence);
}

static const struct goevd_stream push_borrowed_stream = {
    .version = GOEVD_VERSION_OF(struct goevd_stream),
    .conn_size = sizeof(struct push_borrowed),
    .on_open = push_borrowed_open,
    .on_read = push_borrowed_read,
    .on_timeout = push_borrowed_timeout,
    .on_stop = push_borrowed_stop,
    .on_close = push_borrowed_close,
    .on_connect_fail = push_borrowed_fail,
};

int
push_lane_ready(struct push_lane *lane)
{
    struct push_borrowed state = {lane};
    struct goevd_acquire_request request = {
        .version = GOEVD_VERSION_OF(struct goevd_acquire_request),
        .stream = &push_borrowed_stream,
        .state = &state,
        .state_len = sizeof(state),
        .timeout_ns = (uint64_t)lane->instance->options->connect_timeout_ns,
    };
    int r;

    if (lane->conn)
        goevd_conn_deadline(lane->conn, 0);
    if (lane->conn || lane->asked)
        return 0;
    r = goevd_pool_acquire(lane->instance->pool, lane->poller, &request);
    if (r < 0)
        return r;
    lane->asked = true;
    return push_lane_introduce(lane);
}
