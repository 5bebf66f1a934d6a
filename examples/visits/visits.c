/* visits - counts in Redis how often each path was asked for. An HTTP handler around a library with
 * a socket and callbacks of its own, hiredis's asynchronous client: each poller has a connection to
 * Redis, and watches its socket for the library. goevd-plugin(7) explains watches. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hiredis/async.h>

#include <goevd/http.h>
#include <goevd/poller.h>

GOEVD_HTTP_TABLE;

struct options {
    int64_t port;
};

static const struct goevd_option rows[] = {
    {.name = "port",
     .type = GOEVD_OPTION_INT,
     .offset = offsetof(struct options, port),
     .def = "6379",
     .min = 1,
     .max = 65535,
     .help = "where Redis listens on 127.0.0.1"},
    {.type = GOEVD_OPTION_END},
};
static const struct goevd_schema schema = GOEVD_SCHEMA(struct options, rows);

struct visits {
    struct goevd_self *self;
    const struct options *options;
};

/* A poller's connection to Redis; only that poller touches it. */
struct link {
    redisAsyncContext *redis; /* NULL: there is none now */
    struct goevd_watch *watch;
    unsigned events; /* that the library waits for */
};

/* ---- Event loop functions for hiredis -------------------------------------------------------- */

static void
link_wait_for(struct link *l, unsigned events)
{
    l->events = events;
    if (goevd_watch_set(l->watch, events) < 0)
        abort(); /* the kernel has no memory to continue watching */
}

static void
link_add_read(void *l)
{
    link_wait_for(l, ((struct link *)l)->events | GOEVD_WATCH_READ);
}

static void
link_del_read(void *l)
{
    link_wait_for(l, ((struct link *)l)->events & ~(unsigned)GOEVD_WATCH_READ);
}

static void
link_add_write(void *l)
{
    link_wait_for(l, ((struct link *)l)->events | GOEVD_WATCH_WRITE);
}

static void
link_del_write(void *l)
{
    link_wait_for(l, ((struct link *)l)->events & ~(unsigned)GOEVD_WATCH_WRITE);
}

/* The library is about to close its socket: Redis has gone, or goevd stops. */
static void
link_cleanup(void *arg)
{
    struct link *l = arg;

    goevd_watch_free(l->watch);
    *l = (struct link){0};
}

/* The socket is ready. One call at a time: it may be the end of the connection. */
static void
link_ready(struct goevd_watch *watch, unsigned events, void *arg)
{
    struct link *l = arg;

    (void)watch;
    if (events & GOEVD_WATCH_WRITE)
        redisAsyncHandleWrite(l->redis);
    else
        redisAsyncHandleRead(l->redis);
}

static int
link_open(struct link *l, struct goevd_poller *poller, int port)
{
    redisAsyncContext *redis = redisAsyncConnect("127.0.0.1", port);

    if (redis && !redis->err)
        l->watch = goevd_watch_new(poller, redis->c.fd, link_ready, l);
    if (!l->watch) {
        if (redis)
            redisAsyncFree(redis);
        return -EIO;
    }
    l->redis = redis;
    redis->ev.data = l;
    redis->ev.addRead = link_add_read;
    redis->ev.delRead = link_del_read;
    redis->ev.addWrite = link_add_write;
    redis->ev.delWrite = link_del_write;
    redis->ev.cleanup = link_cleanup;
    link_add_write(l); /* the library learns that it is connected when it may write */
    return 0;
}

/* ---- Requests -------------------------------------------------------------------------------- */

/* Data that is kept until Redis has answered: the request may be over by then. */
struct question {
    struct goevd_self *self;
    struct goevd_http_id id;
};

/* For replies that are not plain: it runs where the request is, or r is NULL. */
static void
question_failed(struct goevd_http_request *r, void *state, void *arg)
{
    static const char text[] = "Redis does not answer\n";

    (void)state, (void)arg;
    if (!r)
        return;
    (void)goevd_http_add_header(r, "Retry-After", "1");
    (void)goevd_http_reply(r, 503, "text/plain", text, sizeof(text) - 1);
}

/* reply is NULL if the connection to Redis has broken. */
static void
question_answered(redisAsyncContext *redis, void *reply, void *arg)
{
    struct question *q = arg;
    const redisReply *r = reply;
    char text[40];

    (void)redis;
    if (r && r->type == REDIS_REPLY_INTEGER) {
        int len = snprintf(text, sizeof(text), "%lld\n", r->integer);

        (void)goevd_http_send(q->self, q->id, 200, "text/plain", text, (size_t)len, NULL, NULL);
    } else {
        (void)goevd_http_call(q->self, q->id, question_failed, NULL);
    }
    free(q);
}

static int
visits_request(struct goevd_http_request *r, void *state)
{
    const struct visits *v = goevd_http_instance(r);
    struct link *l = goevd_http_local(r);
    struct goevd_str path = goevd_http_path(r);
    struct question *q;

    (void)state;
    if (!l->redis && link_open(l, goevd_http_poller(r), (int)v->options->port) < 0)
        return -EIO; /* 500, and the log has it */
    q = malloc(sizeof(*q));
    if (!q)
        return -ENOMEM;
    *q = (struct question){v->self, goevd_http_request_id(r)};
    if (redisAsyncCommand(l->redis, question_answered, q, "HINCRBY visits %b 1", path.data,
                          path.len) != REDIS_OK) {
        free(q);
        return -EIO;
    }
    return 0; /* the reply comes later; those of pipelined requests behind it wait */
}

static const struct goevd_http_handler handler = {
    GOEVD_HTTP_VERSION_OF(handler),
    .http = &goevd_http,
    .on_request = visits_request,
};

/* ---- The plugin ------------------------------------------------------------------------------ */

static int
visits_create(struct goevd_self *self, const void *options, void **ret_instance)
{
    struct visits *v = malloc(sizeof(*v));

    if (!v)
        return -ENOMEM;
    *v = (struct visits){self, options};
    *ret_instance = v;
    return 0;
}

static void
visits_destroy(void *instance)
{
    free(instance);
}

static int
visits_poller_start(void *instance, struct goevd_poller *poller, void **ret_local)
{
    (void)instance, (void)poller;
    *ret_local = calloc(1, sizeof(struct link));
    return *ret_local ? 0 : -ENOMEM;
}

static void
visits_poller_stop(void *instance, struct goevd_poller *poller, void *local)
{
    struct link *l = local;

    (void)instance, (void)poller;
    if (l->redis)
        redisAsyncFree(l->redis);
    free(l);
}

static const void *
visits_interface(const char *id)
{
    return strcmp(id, GOEVD_HTTP) == 0 ? &handler : NULL;
}

GOEVD_PLUGIN(.name = "visits", .description = "counts requests in Redis", .options = &schema,
             .create = visits_create, .destroy = visits_destroy,
             .poller_start = visits_poller_start, .poller_stop = visits_poller_stop,
             .interface = visits_interface);
