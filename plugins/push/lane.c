#include <errno.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <goevd/metrics.h>
#include <goevd/pool.h>

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

/* ---- What is to be answered ------------------------------------------------------------------ */

static int
push_lane_grow(struct push_lane *lane)
{
    size_t capacity = lane->capacity ? lane->capacity * 2 : 256;
    struct push_entry *entries = malloc(capacity * sizeof(*entries));

    if (!entries)
        return -ENOMEM;
    for (size_t i = 0; i < lane->count; i++)
        entries[i] = lane->entries[(lane->first + i) & (lane->capacity - 1)];
    free(lane->entries);
    lane->entries = entries;
    lane->capacity = capacity;
    lane->first = 0;
    return 0;
}

static int
push_lane_expect(struct push_lane *lane, const struct push_entry *e)
{
    if (lane->count == lane->capacity && push_lane_grow(lane) < 0)
        return -ENOMEM;
    lane->entries[(lane->first + lane->count++) & (lane->capacity - 1)] = *e;
    if (e->client)
        e->client->unanswered += e->lines;
    return 0;
}

static void
push_lane_forget_last(struct push_lane *lane)
{
    struct push_entry *e = &lane->entries[(lane->first + --lane->count) & (lane->capacity - 1)];

    if (e->client)
        e->client->unanswered -= e->lines;
}

static void
push_lane_count(struct push_lane *lane, unsigned lines, bool pushed)
{
    const struct push_instance *i = lane->instance;

    goevd_metric_add(i->self, lane->poller, pushed ? i->acknowledged : i->failed, lines);
}

/* The first entry has been answered; then come those that Redis knows nothing of. */
static void
push_lane_answer(struct push_lane *lane, const char *sentence)
{
    bool own;

    do {
        struct push_entry e = lane->entries[lane->first];

        lane->first = (lane->first + 1) & (lane->capacity - 1);
        lane->count--;
        if (!e.sentence)
            e.sentence = sentence;
        if (e.client) {
            push_lane_count(lane, e.lines, !e.sentence);
            push_client_answered(e.client, e.lines, e.sentence);
        }
        own = lane->count > 0 && lane->entries[lane->first].sentence;
    } while (own);
}

/* Nobody knows whether Redis has got what was on the way. */
static void
push_lane_fail(struct push_lane *lane, const char *sentence)
{
    lane->len = 0;
    while (lane->count > 0)
        push_lane_answer(lane, sentence);
}

/* ---- Replies: hiredis's reader calls these instead of making objects ------------------------- */

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

static redisReplyObjectFunctions push_reply_functions = {
    .createString = push_reply_text,
    .createArray = push_reply_array,
    .createInteger = push_reply_integer,
    .createNil = push_reply_nil,
    .freeObject = push_reply_free,
};

/* ---- Commands -------------------------------------------------------------------------------- */

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

/* Whoever had the connection before may have used another database. */
static int
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

/* ---- The connection -------------------------------------------------------------------------- */

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

static int
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

/* There is a connection, or there will be one. */
static int
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
