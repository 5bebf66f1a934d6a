/* A library with a socket of its own, hiredis's asynchronous client, run by a watch in each poller:
 * what it wants to hear of its socket is what the watch is set to.
 *
 * Each line goes to Redis as ECHO and is answered with what comes back, or with `lost`.
 */
#include <hiredis/async.h>
#include <stdio.h>
#include <stdlib.h>

#include "plain.h"

struct options {
    int64_t port;
};

struct instance {
    struct goevd_self *self;
    const struct options *options;
};

/* One poller's. */
struct local {
    redisAsyncContext *redis; /* NULL: not connected */
    struct goevd_watch *watch;
    unsigned events;
};

struct question {
    struct goevd_self *self;
    uint64_t conn_id;
};

/* ---- What the library asks of an event loop -------------------------------------------------- */

static void
local_want(struct local *l, unsigned events)
{
    l->events = events;
    if (goevd_watch_set(l->watch, events) < 0)
        abort();
}

static void
library_add_read(void *local)
{
    local_want(local, ((struct local *)local)->events | GOEVD_WATCH_READ);
}

static void
library_del_read(void *local)
{
    local_want(local, ((struct local *)local)->events & ~(unsigned)GOEVD_WATCH_READ);
}

static void
library_add_write(void *local)
{
    local_want(local, ((struct local *)local)->events | GOEVD_WATCH_WRITE);
}

static void
library_del_write(void *local)
{
    local_want(local, ((struct local *)local)->events & ~(unsigned)GOEVD_WATCH_WRITE);
}

/* Before it closes its socket. */
static void
library_cleanup(void *arg)
{
    struct local *l = arg;

    goevd_watch_free(l->watch);
    *l = (struct local){0};
}

/* One of the two, for the first may be the end of it all; the other is told again. */
static void
library_event(struct goevd_watch *watch, unsigned events, void *arg)
{
    struct local *l = arg;

    (void)watch;
    if (events & GOEVD_WATCH_WRITE)
        redisAsyncHandleWrite(l->redis);
    else
        redisAsyncHandleRead(l->redis);
}

static int
local_connect(struct local *l, struct goevd_poller *poller, int port)
{
    redisAsyncContext *redis = redisAsyncConnect("127.0.0.1", port);

    if (!redis || redis->err)
        abort();
    l->redis = redis;
    l->watch = goevd_watch_new(poller, redis->c.fd, library_event, l);
    if (!l->watch)
        abort();
    redis->ev.data = l;
    redis->ev.addRead = library_add_read;
    redis->ev.delRead = library_del_read;
    redis->ev.addWrite = library_add_write;
    redis->ev.delWrite = library_del_write;
    redis->ev.cleanup = library_cleanup;
    library_add_write(l); /* it tells the library that it is connected */
    return 0;
}

/* ---- Questions and answers ------------------------------------------------------------------- */

static void
question_answer(redisAsyncContext *redis, void *reply, void *arg)
{
    struct question *q = arg;
    const redisReply *r = reply;
    char line[256];
    int len = snprintf(line, sizeof(line), "%s\n", r ? r->str : "lost");

    (void)redis;
    goevd_send(q->self, q->conn_id, line, (size_t)len, 0);
    free(q);
}

static int
library_ask(struct goevd_conn *c, const char *line, size_t len)
{
    const struct instance *i = goevd_conn_instance(c);
    struct local *l = goevd_conn_local(c);
    struct question *q = malloc(sizeof(*q));

    if (!q)
        return -ENOMEM;
    *q = (struct question){i->self, goevd_conn_id(c)};
    if (!l->redis)
        local_connect(l, goevd_conn_poller(c), (int)i->options->port);
    if (redisAsyncCommand(l->redis, question_answer, q, "ECHO %b", line, len) != REDIS_OK) {
        free(q);
        return -EIO;
    }
    return 0;
}

static ptrdiff_t
library_read(struct goevd_conn *c, void *state, const char *data, size_t len, size_t fresh,
             unsigned flags)
{
    const char *lf;
    size_t used = 0;
    int r = 0;

    (void)state, (void)fresh, (void)flags;
    while (r == 0 && (lf = memchr(data + used, '\n', len - used))) {
        r = library_ask(c, data + used, (size_t)(lf - data) - used);
        used = (size_t)(lf + 1 - data);
    }
    return r < 0 ? r : (ptrdiff_t)used;
}

static const struct goevd_stream library_stream = {
    .version = GOEVD_VERSION_OF(struct goevd_stream),
    .on_read = library_read,
};

/* ---- The plugin ------------------------------------------------------------------------------ */

static int
library_create(struct goevd_self *self, const void *options, void **ret_instance)
{
    struct instance *i = malloc(sizeof(*i));

    if (!i)
        return -ENOMEM;
    *i = (struct instance){self, options};
    *ret_instance = i;
    return 0;
}

static void
library_destroy(void *instance)
{
    free(instance);
}

static int
library_start(void *instance, struct goevd_poller *poller, void **ret_local)
{
    (void)instance, (void)poller;
    *ret_local = calloc(1, sizeof(struct local));
    return *ret_local ? 0 : -ENOMEM;
}

static void
library_stop(void *instance, struct goevd_poller *poller, void *arg)
{
    struct local *l = arg;

    (void)instance, (void)poller;
    if (l->redis)
        redisAsyncFree(l->redis);
    free(l);
}

static const void *
library_interface(const char *id)
{
    return strcmp(id, GOEVD_STREAM) == 0 ? &library_stream : NULL;
}

static const struct goevd_option options_table[] = {
    {.name = "port",
     .type = GOEVD_OPTION_INT,
     .flags = GOEVD_OPTION_REQUIRED,
     .offset = offsetof(struct options, port),
     .min = 1,
     .max = 65535},
    {0},
};

static const struct goevd_schema library_options = GOEVD_SCHEMA(struct options, options_table);

GOEVD_PLUGIN(.name = "library", .description = "runs hiredis's asynchronous client",
             .options = &library_options, .create = library_create, .destroy = library_destroy,
             .poller_start = library_start, .poller_stop = library_stop,
             .interface = library_interface);
