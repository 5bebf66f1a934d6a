#include "push/lane_parts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <goevd/poller.h>
#include <goevd/pool.h>

#define PIECE ((size_t)4096) /* bytes per write: the smallest possible output_max */
/* After this time a lane returns its connection if another poller waits. */
#define TURN_NS (50 * GOEVD_MILLISECOND)

struct push_borrowed {
    struct push_lane *lane;
};

static const struct push_options *
push_lane_options(const struct push_lane *lane)
{
    return goevd_options(lane->instance->self, lane->poller);
}

/* ---- Writing --------------------------------------------------------------------------------- */

/* The next piece of the queue that belongs to this connection. */
static size_t
push_lane_piece(const struct push_lane *lane, const char **ret_data)
{
    size_t len = push_queue_peek(&lane->queue, ret_data);

    len = len < PIECE ? len : PIECE;
    return lane->yields && len > lane->turn_bytes ? lane->turn_bytes : len;
}

int
push_lane_flush(struct push_lane *lane)
{
    const char *data;
    size_t len;

    while (lane->conn && (len = push_lane_piece(lane, &data)) > 0) {
        int r = goevd_conn_write(lane->conn, data, len);

        if (r < 0)
            return r == -ENOBUFS ? 0 : r; /* on_drained follows */
        push_queue_drop(&lane->queue, len);
        if (lane->yields)
            lane->turn_bytes -= len;
    }
    return 0;
}

static int
push_borrowed_drained(struct goevd_conn *c, void *state)
{
    (void)c;
    return push_lane_flush(((struct push_borrowed *)state)->lane);
}

static int
push_lane_write_command(struct push_lane *lane, const char *word, const char *value, size_t len)
{
    const char *argv[] = {word, value};
    size_t lens[] = {strlen(word), len};
    char *command;
    int r, command_len = redisFormatCommandArgv(&command, 2, argv, lens);

    if (command_len < 0)
        return -ENOMEM;
    r = goevd_conn_write(lane->conn, command, (size_t)command_len);
    redisFreeCommand(command);
    return r < 0 ? r : 0;
}

/* Send AUTH and SELECT before all waiting commands, because the previous user of the connection may
 * have selected another database. */
static int
push_lane_introduce(struct push_lane *lane)
{
    const struct push_options *o = lane->instance->options;
    const struct push_entry select = {.client = NULL}, auth = {.secret = true};
    char database[24];
    int len = snprintf(database, sizeof(database), "%lld", (long long)o->database), r = 0;

    if (o->password.data)
        r = push_lane_write_command(lane, "AUTH", o->password.data, o->password.len);
    if (r == 0)
        r = push_lane_write_command(lane, "SELECT", database, (size_t)len);
    if (r == 0)
        r = push_lane_expect_first(lane, &select);
    if (r == 0 && o->password.data)
        r = push_lane_expect_first(lane, &auth);
    return r;
}

/* ---- Returning the connection ---------------------------------------------------------------- */

/* From now on new commands wait for the lane's next connection. */
static void
push_lane_yield(struct push_lane *lane)
{
    lane->yields = true;
    lane->turn_end = lane->answered + lane->count;
    lane->turn_bytes = lane->queue.len;
}

/* Every command on the connection is answered: return it to the pool. */
static void
push_lane_give_back(struct push_lane *lane)
{
    push_lane_yield(lane);
    lane->returned = true;
    if (goevd_pool_release(lane->conn) < 0)
        goevd_conn_close(lane->conn, GOEVD_CLOSE_NOW);
}

/* Whether another poller waits for a connection. */
static bool
push_lane_is_awaited(const struct push_lane *lane)
{
    struct goevd_pool_state pool = {.version = GOEVD_VERSION_OF(struct goevd_pool_state)};

    if (!lane->contended || lane->stopping)
        return false;
    goevd_pool_get_state(lane->instance->pool, &pool);
    return pool.waiting > 0;
}

static void
push_lane_end_turn(struct push_lane *lane)
{
    if (lane->yields || goevd_poller_now(lane->poller) - lane->borrowed_ns < TURN_NS)
        return;
    if (!push_lane_is_awaited(lane))
        return;
    if (lane->count > 0)
        push_lane_yield(lane);
    else
        push_lane_give_back(lane);
}

/* Set the deadline: for the next reply, or for returning an unused connection. */
static void
push_lane_arm(struct push_lane *lane)
{
    const struct push_options *o = push_lane_options(lane);
    uint64_t hold = (uint64_t)o->hold_ns;

    if (lane->contended && hold > TURN_NS)
        hold = TURN_NS;
    goevd_conn_deadline(lane->conn, lane->count > 0 ? (uint64_t)o->reply_timeout_ns : hold + 1);
}

/* ---- The connection -------------------------------------------------------------------------- */

static int
push_borrowed_open(struct goevd_conn *c, void *state)
{
    struct push_lane *lane = ((struct push_borrowed *)state)->lane;
    int r;

    lane->asked = lane->yields = lane->returned = false;
    lane->error[0] = '\0';
    lane->conn = c;
    lane->borrowed_ns = goevd_poller_now(lane->poller);
    lane->reader = redisReaderCreateWithFunctions(&push_reply_functions);
    if (!lane->reader)
        return -ENOMEM;
    lane->reader->privdata = lane;
    r = push_lane_introduce(lane);
    if (r < 0)
        return r;
    push_lane_arm(lane);
    return push_lane_flush(lane);
}

/* Do not have the pool open another connection at once, so that a server that refuses connections
 * is not flooded. */
static void
push_lane_leave(struct push_lane *lane, int error)
{
    const struct push_options *o = lane->instance->options;

    goevd_log(lane->instance->self, error == -EREMOTE ? GOEVD_LOG_WARNING : GOEVD_LOG_ERROR,
              "%s: %s%s", o->address.data,
              error == -EPROTO ? "this is not Redis's protocol" : lane->error,
              error == -EPROTO ? "" : "; connecting anew");
    goevd_pool_reject(lane->conn);
}

static ptrdiff_t
push_borrowed_read(struct goevd_conn *c, void *state, const char *data, size_t len, size_t fresh,
                   unsigned flags)
{
    struct push_lane *lane = ((struct push_borrowed *)state)->lane;
    int r;

    (void)fresh, (void)flags;
    if (redisReaderFeed(lane->reader, data, len) != REDIS_OK)
        return -ENOMEM;
    r = push_lane_read_replies(lane);
    if (r < 0) {
        push_lane_leave(lane, r);
        return (ptrdiff_t)len;
    }
    if (lane->stopping && lane->count == 0)
        goevd_conn_close(c, GOEVD_CLOSE_DONE);
    else if (lane->yields && lane->answered >= lane->turn_end)
        push_lane_give_back(lane);
    else
        push_lane_arm(lane);
    return (ptrdiff_t)len;
}

/* goevd is stopping: first wait for the replies to all sent commands. */
static int
push_borrowed_stop(struct goevd_conn *c, void *state)
{
    struct push_lane *lane = ((struct push_borrowed *)state)->lane;

    (void)c;
    lane->stopping = true;
    lane->yields = false;
    return lane->count > 0 ? push_lane_flush(lane) : -ESHUTDOWN;
}

/* The deadline has passed: there was nothing to push, or no reply. */
static int
push_borrowed_timeout(struct goevd_conn *c, void *state, uint64_t cookie)
{
    struct push_lane *lane = ((struct push_borrowed *)state)->lane;

    (void)cookie;
    if (lane->count == 0) {
        push_lane_give_back(lane);
    } else {
        snprintf(lane->error, sizeof(lane->error), "redis does not answer");
        push_lane_leave(lane, -ETIMEDOUT);
    }
    return 0;
}

static int push_lane_borrow(struct push_lane *lane);

static void
push_borrowed_close(struct goevd_conn *c, void *state, enum goevd_reason reason)
{
    struct push_lane *lane = ((struct push_borrowed *)state)->lane;
    bool returned = lane->returned;

    (void)c, (void)reason;
    lane->conn = NULL;
    lane->yields = lane->returned = false;
    redisReaderFree(lane->reader);
    lane->reader = NULL;
    if (!returned || (lane->count > 0 && push_lane_borrow(lane) < 0))
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
    goevd_pool_get_state(i->pool, &pool);
    snprintf(sentence, sizeof(sentence), "no connection to redis: %s",
             error == -ETIMEDOUT && pool.live >= (uint64_t)i->options->connections_max
                 ? "all connections are in use"
                 : strerror(-error));
    if (lane->count > 0 && error != -ECANCELED) {
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
    .on_drained = push_borrowed_drained,
    .on_timeout = push_borrowed_timeout,
    .on_stop = push_borrowed_stop,
    .on_close = push_borrowed_close,
    .on_connect_fail = push_borrowed_fail,
};

static int
push_lane_borrow(struct push_lane *lane)
{
    struct push_borrowed state = {lane};
    struct goevd_acquire_request request = {
        .version = GOEVD_VERSION_OF(struct goevd_acquire_request),
        .stream = &push_borrowed_stream,
        .state = &state,
        .state_len = sizeof(state),
        .timeout_ns = (uint64_t)lane->instance->options->connect_timeout_ns,
    };
    int r = goevd_pool_acquire(lane->instance->pool, lane->poller, &request);

    lane->asked = r == 0;
    return r;
}

int
push_lane_ready(struct push_lane *lane)
{
    if (!lane->conn)
        return lane->asked ? 0 : push_lane_borrow(lane);
    push_lane_end_turn(lane);
    if (lane->count == 0)
        goevd_conn_deadline(lane->conn, (uint64_t)push_lane_options(lane)->reply_timeout_ns);
    return 0;
}
