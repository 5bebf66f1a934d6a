#include <errno.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "push/push.h"

#define LANE_ARGS 2 /* of a command, before its lines */

/* What Redis will answer next, or what is answered in its place once its turn has come. */
struct entry {
    struct client *client; /* NULL: the lane's own command */
    unsigned lines;
    const char *sentence; /* static; NULL: Redis answers */
};

struct lane {
    struct instance *instance;
    struct goevd_poller *poller;
    struct goevd_conn *conn; /* NULL: none is borrowed */
    bool asked;              /* ... but one is coming */
    bool stopping;           /* ends when all is answered */
    redisReader *reader;
    char *text; /* commands that wait for a connection */
    size_t len, room;
    struct entry *entries; /* a ring of `capacity`, a power of two */
    size_t capacity, first, count;
    const char *argv[LANE_ARGS + LANE_LINES_MAX]; /* the next command, while a client's lines are */
    size_t lens[LANE_ARGS + LANE_LINES_MAX];      /* gathered */
    unsigned lines;
    char error[160]; /* the last one of Redis's own */
};

/* ---- What is to be answered ------------------------------------------------------------------ */

static int
lane_grow(struct lane *lane)
{
    size_t capacity = lane->capacity ? lane->capacity * 2 : 256;
    struct entry *entries = malloc(capacity * sizeof(*entries));

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
lane_expect(struct lane *lane, const struct entry *e)
{
    if (lane->count == lane->capacity && lane_grow(lane) < 0)
        return -ENOMEM;
    lane->entries[(lane->first + lane->count++) & (lane->capacity - 1)] = *e;
    if (e->client)
        e->client->unanswered += e->lines;
    return 0;
}

static void
lane_forget_last(struct lane *lane)
{
    struct entry *e = &lane->entries[(lane->first + --lane->count) & (lane->capacity - 1)];

    if (e->client)
        e->client->unanswered -= e->lines;
}

static void
lane_count(struct lane *lane, unsigned lines, bool pushed)
{
    const struct instance *i = lane->instance;

    goevd_figure_add(i->self, lane->poller, pushed ? i->acknowledged : i->failed, lines);
}

/* The first entry has been answered; then come those that Redis knows nothing of. */
static void
lane_answer(struct lane *lane, const char *sentence)
{
    bool own;

    do {
        struct entry e = lane->entries[lane->first];

        lane->first = (lane->first + 1) & (lane->capacity - 1);
        lane->count--;
        if (!e.sentence)
            e.sentence = sentence;
        if (e.client) {
            lane_count(lane, e.lines, !e.sentence);
            client_answered(e.client, e.lines, e.sentence);
        }
        own = lane->count > 0 && lane->entries[lane->first].sentence;
    } while (own);
}

/* Nobody knows whether Redis has got what was on the way. */
static void
lane_fail(struct lane *lane, const char *sentence)
{
    lane->len = 0;
    while (lane->count > 0)
        lane_answer(lane, sentence);
}

/* ---- Replies: hiredis's reader calls these instead of making objects ------------------------- */

static void *
reply_text(const redisReadTask *task, char *text, size_t len)
{
    struct lane *lane = task->privdata;

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
reply_array(const redisReadTask *task, reply_count len)
{
    (void)len;
    return task->privdata;
}

static void *
reply_integer(const redisReadTask *task, long long value)
{
    (void)value;
    return task->privdata;
}

static void *
reply_nil(const redisReadTask *task)
{
    return task->privdata;
}

static void
reply_free(void *reply)
{
    (void)reply; /* it is the lane */
}

static redisReplyObjectFunctions reply_functions = {
    .createString = reply_text,
    .createArray = reply_array,
    .createInteger = reply_integer,
    .createNil = reply_nil,
    .freeObject = reply_free,
};

/* ---- Commands -------------------------------------------------------------------------------- */

/* It waits for the connection. */
static int
lane_keep(struct lane *lane, const char *command, size_t len)
{
    const struct options *o = goevd_options(lane->instance->self, lane->poller);
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
lane_write(struct lane *lane, const char *command, size_t len)
{
    int r;

    if (!lane->conn)
        return lane_keep(lane, command, len);
    r = goevd_conn_write(lane->conn, command, len);
    return r == -ENOBUFS ? -EAGAIN : r < 0 ? r : 0;
}

/* Say it, and expect its answer. */
static int
lane_command(struct lane *lane, const struct entry *e, int argc, const char **argv,
             const size_t *lens)
{
    char *command;
    int r, len = redisFormatCommandArgv(&command, argc, argv, lens);

    if (len < 0)
        return -ENOMEM;
    r = lane_expect(lane, e);
    if (r == 0) {
        r = lane_write(lane, command, (size_t)len);
        if (r < 0)
            lane_forget_last(lane);
    }
    redisFreeCommand(command);
    return r;
}

/* Whoever had the connection before may have used another database. */
static int
lane_introduce(struct lane *lane)
{
    const struct options *o = lane->instance->options;
    const struct entry own = {.client = NULL};
    char database[24];
    const char *auth[] = {"AUTH", o->password.data}, *select[] = {"SELECT", database};
    size_t auth_lens[] = {4, o->password.len}, select_lens[] = {6, 0};
    int r = o->password.data ? lane_command(lane, &own, 2, auth, auth_lens) : 0;

    select_lens[1] = (size_t)snprintf(database, sizeof(database), "%lld", (long long)o->database);
    return r < 0 ? r : lane_command(lane, &own, 2, select, select_lens);
}

/* ---- The connection -------------------------------------------------------------------------- */

struct borrowed {
    struct lane *lane;
};

static int
borrowed_open(struct goevd_conn *c, void *state)
{
    struct lane *lane = ((struct borrowed *)state)->lane;
    int r;

    lane->asked = false;
    lane->conn = c;
    lane->reader = redisReaderCreateWithFunctions(&reply_functions);
    if (!lane->reader)
        return -ENOMEM;
    lane->reader->privdata = lane;
    r = goevd_conn_write(c, lane->text, lane->len);
    lane->len = 0;
    return r < 0 ? r : 0;
}

static int
lane_read_replies(struct lane *lane)
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
        lane_answer(lane, lane->error[0] ? lane->error : NULL);
    }
}

static ptrdiff_t
borrowed_read(struct goevd_conn *c, void *state, const char *data, size_t len, size_t fresh,
              unsigned flags)
{
    struct lane *lane = ((struct borrowed *)state)->lane;
    const struct options *o = goevd_options(lane->instance->self, goevd_conn_poller(c));
    int r;

    (void)fresh, (void)flags;
    if (redisReaderFeed(lane->reader, data, len) != REDIS_OK)
        return -ENOMEM;
    r = lane_read_replies(lane);
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
borrowed_stop(struct goevd_conn *c, void *state)
{
    struct lane *lane = ((struct borrowed *)state)->lane;

    (void)c;
    lane->stopping = true;
    return lane->count > 0 ? 0 : -ESHUTDOWN;
}

/* For a while there was nothing to push. */
static int
borrowed_timeout(struct goevd_conn *c, void *state, uint64_t cookie)
{
    struct lane *lane = ((struct borrowed *)state)->lane;

    (void)cookie;
    return lane->count == 0 ? goevd_pool_release(c) : 0;
}

static void
borrowed_close(struct goevd_conn *c, void *state, enum goevd_reason reason)
{
    struct lane *lane = ((struct borrowed *)state)->lane;

    (void)c, (void)reason;
    lane->conn = NULL;
    redisReaderFree(lane->reader);
    lane->reader = NULL;
    lane_fail(lane, lane->error[0] ? lane->error : "the connection to redis was lost");
}

static void
borrowed_fail(void *instance, struct goevd_poller *poller, void *state, int error)
{
    struct lane *lane = ((struct borrowed *)state)->lane;
    const struct instance *i = instance;
    char sentence[160];

    (void)poller;
    lane->asked = false;
    snprintf(sentence, sizeof(sentence), "no connection to redis: %s", strerror(-error));
    if (lane->count > 0 && error != -ECANCELED)
        goevd_log(i->self, GOEVD_LOG_WARNING, "%s: %s", i->options->address.data, sentence);
    lane_fail(lane, sentence);
}

static const struct goevd_stream borrowed_stream = {
    .version = GOEVD_VERSION_OF(struct goevd_stream),
    .conn_size = sizeof(struct borrowed),
    .on_open = borrowed_open,
    .on_read = borrowed_read,
    .on_timeout = borrowed_timeout,
    .on_stop = borrowed_stop,
    .on_close = borrowed_close,
    .on_connect_fail = borrowed_fail,
};

/* There is a connection, or there will be one. */
static int
lane_ready(struct lane *lane)
{
    struct borrowed state = {lane};
    struct goevd_acquire_request request = {
        .version = GOEVD_VERSION_OF(struct goevd_acquire_request),
        .stream = &borrowed_stream,
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
    return lane_introduce(lane);
}

/* ---- For clients ----------------------------------------------------------------------------- */

unsigned
lane_gather(struct lane *lane, const char *line, size_t len)
{
    lane->argv[LANE_ARGS + lane->lines] = line;
    lane->lens[LANE_ARGS + lane->lines] = len;
    return ++lane->lines;
}

int
lane_push(struct lane *lane, struct client *client)
{
    const struct options *o = lane->instance->options;
    const struct entry e = {.client = client, .lines = lane->lines};
    int r = lane_ready(lane);

    lane->argv[0] = "RPUSH";
    lane->lens[0] = 5;
    lane->argv[1] = o->key.data;
    lane->lens[1] = o->key.len;
    lane->lines = 0;
    if (r == 0)
        r = lane_command(lane, &e, (int)e.lines + LANE_ARGS, lane->argv, lane->lens);
    if (r != -EAGAIN)
        return r;
    for (unsigned n = 0; n < e.lines; n++)
        if (lane_refuse(lane, client, "redis does not keep up") < 0)
            return -ENOMEM;
    return 0;
}

int
lane_refuse(struct lane *lane, struct client *client, const char *sentence)
{
    const struct entry e = {.client = client, .lines = 1, .sentence = sentence};
    int r = lane_expect(lane, &e);

    if (r == 0 && lane->count == 1)
        lane_answer(lane, NULL);
    return r;
}

int
lane_new(struct instance *i, struct goevd_poller *poller, struct lane **ret)
{
    struct lane *lane = calloc(1, sizeof(*lane));

    if (!lane)
        return -ENOMEM;
    lane->instance = i;
    lane->poller = poller;
    *ret = lane;
    return 0;
}

void
lane_free(struct lane *lane)
{
    if (!lane)
        return;
    free(lane->entries);
    free(lane->text);
    free(lane);
}
