/* Threads of its own call every function that any thread may call, from create until destroy. It is
 * a stream handler, an application of websocket and, without CALLING_STREAM, a handler of http.
 * Each accepted call runs exactly once, or destroy aborts. */
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <goevd/cache.h>
#include <goevd/connect.h>
#include <goevd/framing.h>
#include <goevd/hosting.h>
#include <goevd/http.h>
#include <goevd/poller.h>
#include <goevd/pool.h>
#include <goevd/threads.h>
#include <goevd/websocket.h>
#include <goevd/work.h>
#include <goevd/worker.h>

GOEVD_HTTP_TABLE;
GOEVD_WEBSOCKET_TABLE;

#define THREADS 2
#define PAUSE_NS 100000

struct calling {
    struct goevd_self *self;
    struct goevd_pool *pool;
    _Atomic(struct goevd_websocket_host *) host;
    _Atomic uint64_t stream; /* the id of a connection, as those below; 0: none yet */
    _Atomic uint64_t websocket;
    _Atomic(struct goevd_self *) http;
    _Atomic uint64_t request;
    atomic_long accepted, run;
    atomic_bool ends;
    pthread_t threads[THREADS];
};

/* Count a call that was accepted. */
static void
calling_note(struct calling *calling, int r)
{
    assert(r == 0 || r == -EAGAIN || r == -ECANCELED || r == -EINVAL);
    if (r == 0)
        atomic_fetch_add(&calling->accepted, 1);
}

static void
calling_ran(void *arg)
{
    struct calling *calling = arg;

    atomic_fetch_add(&calling->run, 1);
}

/* ---- Functions on a poller ------------------------------------------------------------------- */

static void
calling_on_poller(struct goevd_poller *poller, void *local, void *arg)
{
    (void)poller, (void)local;
    calling_ran(arg);
}

static void
calling_on_each(struct goevd_poller *poller, void *local, void *arg)
{
    (void)poller, (void)local, (void)arg;
}

static void
calling_on_conn(struct goevd_conn *c, void *state, void *arg)
{
    (void)c, (void)state;
    calling_ran(arg);
}

static void
calling_on_request(struct goevd_http_request *r, void *state, void *arg)
{
    (void)r, (void)state;
    calling_ran(arg);
}

static void
calling_on_websocket(struct goevd_websocket_conn *w, void *state, void *arg)
{
    (void)w, (void)state;
    calling_ran(arg);
}

static void
calling_done(void *arg, int result)
{
    (void)result;
    calling_ran(arg);
}

static void
calling_on_sent(void *instance, uint64_t conn_id, uint64_t cookie, int result)
{
    (void)conn_id, (void)cookie, (void)result;
    calling_ran(instance);
}

/* ---- The threads ----------------------------------------------------------------------------- */

static void
calling_goevd(struct calling *calling, uint64_t id)
{
    struct goevd_pool_state state = {.version = GOEVD_VERSION_OF(struct goevd_pool_state)};

    calling_note(calling, goevd_call(calling->self, 0, calling_on_poller, calling));
    calling_note(calling, goevd_call_all(calling->self, calling_on_each, calling_ran, calling));
    calling_note(calling, goevd_conn_call(calling->self, id, calling_on_conn, calling));
    calling_note(calling, goevd_send(calling->self, id, "x", 1, 0));
    calling_note(calling, goevd_send_frame(calling->self, id, "x", 1, 0));
    (void)goevd_close(id ^ UINT64_C(1) << 40, GOEVD_CLOSE_FLUSH);
    (void)goevd_cache_set(calling->self, 1, "value", 5);
    goevd_log(calling->self, GOEVD_LOG_DEBUG, "calls");
    (void)goevd_worker_is_replaced(calling->self);
    (void)goevd_worker_is_stopping(calling->self);
    (void)goevd_reactor_find(calling->self, "main");
    (void)goevd_poller_count();
    (void)goevd_now();
    goevd_pool_get_state(calling->pool, &state);
}

static void
calling_http(struct calling *calling)
{
    struct goevd_http_id id = {atomic_load(&calling->http), atomic_load(&calling->request)};

    if (id.host == NULL)
        return;
    calling_note(calling, goevd_http_call(calling->self, id, calling_on_request, calling));
    id.number ^= UINT64_C(1) << 31; /* that of another request, which is over */
    calling_note(calling,
                 goevd_http_send(calling->self, id, 200, NULL, "x", 1, calling_done, calling));
}

static void
calling_websocket(struct calling *calling)
{
    struct goevd_websocket_id id = {atomic_load(&calling->host), atomic_load(&calling->websocket)};
    struct goevd_websocket_id gone = {id.host, id.number ^ UINT64_C(1) << 40};

    if (id.host == NULL)
        return;
    (void)goevd_websocket_publish(id.host, "room", 4, GOEVD_WEBSOCKET_TEXT, "x", 1);
    (void)goevd_websocket_publish(id.host, NULL, 0, GOEVD_WEBSOCKET_BINARY, "x", 1);
    calling_note(calling, goevd_websocket_call(id, calling_on_websocket, calling));
    calling_note(calling,
                 goevd_websocket_post(id, GOEVD_WEBSOCKET_TEXT, "x", 1, calling_done, calling));
    (void)goevd_websocket_post_close(gone, 1000, "bye");
}

static void *
calling_main(void *arg)
{
    const struct timespec pause = {0, PAUSE_NS};
    struct calling *calling = arg;

    while (!atomic_load(&calling->ends)) {
        calling_goevd(calling, atomic_load(&calling->stream));
        calling_http(calling);
        calling_websocket(calling);
        nanosleep(&pause, NULL);
    }
    return NULL;
}

/* ---- A handler of each kind ------------------------------------------------------------------ */

static int
calling_open(struct goevd_conn *c, void *state)
{
    struct calling *calling = goevd_conn_instance(c);

    (void)state;
    atomic_store(&calling->stream, goevd_conn_id(c));
    return 0;
}

static ptrdiff_t
calling_read(struct goevd_conn *c, void *state, const char *data, size_t len, size_t fresh,
             unsigned flags)
{
    (void)c, (void)state, (void)data, (void)fresh, (void)flags;
    return (ptrdiff_t)len;
}

static const struct goevd_stream stream = {
    .version = GOEVD_VERSION_OF(struct goevd_stream),
    .on_open = calling_open,
    .on_read = calling_read,
    .on_sent = calling_on_sent,
};

#ifndef CALLING_STREAM
/* Never replies: the request lasts as long as its client. */
static int
calling_request(struct goevd_http_request *r, void *state)
{
    struct calling *calling = goevd_http_instance(r);
    struct goevd_http_id id = goevd_http_request_id(r);

    (void)state;
    atomic_store(&calling->request, id.number);
    atomic_store(&calling->http, id.host);
    return 0;
}

static const struct goevd_http_handler handler = {
    .version = GOEVD_HTTP_VERSION_OF(struct goevd_http_handler),
    .http = &goevd_http,
    .on_request = calling_request,
};
#endif

static int
calling_joins(struct goevd_websocket_conn *w, void *state)
{
    struct calling *calling = goevd_websocket_instance(w);

    (void)state;
    atomic_store(&calling->websocket, goevd_websocket_conn_id(w).number);
    return goevd_websocket_join(w, "room", 4);
}

static int
calling_message(struct goevd_websocket_conn *w, void *state, int type, const char *data, size_t len)
{
    (void)w, (void)state, (void)type, (void)data, (void)len;
    return 0;
}

static int
calling_take_host(void *instance, struct goevd_websocket_host *host)
{
    struct calling *calling = instance;

    atomic_store(&calling->host, host);
    return 0;
}

static const struct goevd_websocket_app app = {
    .version = GOEVD_WEBSOCKET_VERSION_OF(struct goevd_websocket_app),
    .websocket = &goevd_websocket,
    .on_open = calling_joins,
    .on_message = calling_message,
    .on_host = calling_take_host,
};

static const void *
interface(const char *id)
{
#ifndef CALLING_STREAM
    if (strcmp(id, GOEVD_HTTP) == 0)
        return &handler;
#endif
    return strcmp(id, GOEVD_STREAM) == 0      ? (const void *)&stream
           : strcmp(id, GOEVD_WEBSOCKET) == 0 ? (const void *)&app
                                              : NULL;
}

/* ---- Life ------------------------------------------------------------------------------------ */

static int
create(struct goevd_self *self, const void *options, void **ret_instance)
{
    const struct goevd_pool_config pool = {.version = GOEVD_VERSION_OF(struct goevd_pool_config),
                                           .to = "127.0.0.1:9",
                                           .connections_max = 1};
    struct calling *calling = calloc(1, sizeof(*calling));

    (void)options;
    assert(calling);
    calling->self = self;
    if (goevd_pool_new(self, &pool, &calling->pool) < 0)
        return -EINVAL;
    for (size_t i = 0; i < THREADS; i++)
        if (pthread_create(&calling->threads[i], NULL, calling_main, calling) != 0)
            abort();
    *ret_instance = calling;
    return 0;
}

static void
destroy(void *instance)
{
    const struct timespec pause = {0, 20 * PAUSE_NS};
    struct calling *calling = instance;

    nanosleep(&pause, NULL); /* the threads go on meanwhile */
    atomic_store(&calling->ends, true);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(calling->threads[i], NULL);
    if (atomic_load(&calling->accepted) != atomic_load(&calling->run))
        abort();
    free(calling);
}

GOEVD_PLUGIN(.name = "calling", .description = "calls functions that any thread may call",
             .create = create, .destroy = destroy, .interface = interface);
