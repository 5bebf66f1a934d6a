/* One of its callbacks returns a configured value, crashes or hangs; all others do as they
 * should. It is an application of websocket and a handler of http or, with RETURNING_STREAM, of a
 * stream. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <goevd/conn.h>
#include <goevd/http.h>
#include <goevd/websocket.h>

GOEVD_HTTP_TABLE;
GOEVD_WEBSOCKET_TABLE;

struct returning {
    struct goevd_str callback;
    int64_t value;
    int64_t other; /* may change, for check_options */
};

#define CRASH 1000000 /* values */
#define HANG 1000001

/* The result of the callback of that name. */
static int
returning_value(const struct returning *o, const char *callback)
{
    if (o == NULL || strcmp(o->callback.data, callback) != 0)
        return 0;
    if (o->value == CRASH)
        *(volatile int *)8 = 0;
    while (o->value == HANG)
        pause();
    return (int)o->value;
}

#ifdef RETURNING_STREAM

static int
returning_open(struct goevd_conn *c, void *state)
{
    (void)state;
    return returning_value(goevd_conn_instance(c), "on_open");
}

/* "t": its deadline; "w": more than the client takes. */
static ptrdiff_t
returning_read(struct goevd_conn *c, void *state, const char *data, size_t len, size_t fresh,
               unsigned flags)
{
    static char block[1 << 20];
    const struct returning *o = goevd_conn_instance(c);

    (void)state, (void)fresh, (void)flags;
    if (strcmp(o->callback.data, "on_read") == 0)
        return (ptrdiff_t)(len + (size_t)returning_value(o, "on_read"));
    if (len != 0 && data[0] == 't')
        goevd_conn_deadline(c, 1);
    if (len != 0 && data[0] == 'w')
        for (int i = 0; i < 64 && goevd_conn_write(c, block, sizeof(block)) == 0; i++)
            ;
    return (ptrdiff_t)len;
}

static int
returning_eof(struct goevd_conn *c, void *state)
{
    (void)state;
    return returning_value(goevd_conn_instance(c), "on_eof");
}

static int
returning_drained(struct goevd_conn *c, void *state)
{
    (void)state;
    return returning_value(goevd_conn_instance(c), "on_drained");
}

static int
returning_timeout(struct goevd_conn *c, void *state, uint64_t cookie)
{
    (void)state, (void)cookie;
    return returning_value(goevd_conn_instance(c), "on_timeout");
}

static int
returning_stop(struct goevd_conn *c, void *state)
{
    (void)state;
    return returning_value(goevd_conn_instance(c), "on_stop");
}

static const struct goevd_stream stream = {
    .version = GOEVD_VERSION_OF(struct goevd_stream),
    .on_open = returning_open,
    .on_read = returning_read,
    .on_eof = returning_eof,
    .on_drained = returning_drained,
    .on_timeout = returning_timeout,
    .on_stop = returning_stop,
};

#else

/* "/body": read it; "/timer"; "/large": more than the client takes; "/quick": reply, and return. */
static int
returning_request(struct goevd_http_request *r, void *state)
{
    static char block[1 << 20];
    const struct returning *o = goevd_http_instance(r);
    const char *path = goevd_http_path(r).data;
    int value = returning_value(o, "on_request");

    (void)state;
    if (strncmp(path, "/body", 5) == 0)
        return goevd_http_read(r, 0, 0);
    if (strncmp(path, "/timer", 6) == 0)
        return goevd_http_timer(r, 1);
    if (strncmp(path, "/large", 6) == 0) {
        (void)goevd_http_start(r, 200, NULL, GOEVD_HTTP_LENGTH_UNKNOWN);
        while (goevd_http_write(r, block, sizeof(block)) == 0)
            ;
    } else if (value == 0 || strncmp(path, "/quick", 6) == 0) {
        (void)goevd_http_reply(r, 200, NULL, "x", 1);
    }
    return value;
}

static ptrdiff_t
returning_body(struct goevd_http_request *r, void *state, const char *data, size_t len,
               unsigned flags)
{
    (void)state, (void)data, (void)flags;
    return (ptrdiff_t)len + returning_value(goevd_http_instance(r), "on_body");
}

static int
returning_http_drained(struct goevd_http_request *r, void *state)
{
    (void)state;
    return returning_value(goevd_http_instance(r), "on_drained");
}

static int
returning_http_timeout(struct goevd_http_request *r, void *state)
{
    (void)state;
    return returning_value(goevd_http_instance(r), "on_timeout");
}

static const struct goevd_http_handler handler = {
    .version = GOEVD_HTTP_VERSION_OF(struct goevd_http_handler),
    .http = &goevd_http,
    .on_request = returning_request,
    .on_body = returning_body,
    .on_drained = returning_http_drained,
    .on_timeout = returning_http_timeout,
};

#endif

static int
returning_handshake(struct goevd_websocket_request *q, void *state)
{
    (void)state;
    return returning_value(goevd_websocket_request_instance(q), "on_request");
}

static int
returning_ws_open(struct goevd_websocket_conn *w, void *state)
{
    (void)state;
    return returning_value(goevd_websocket_instance(w), "on_open");
}

static int
returning_message(struct goevd_websocket_conn *w, void *state, int type, const char *data,
                  size_t len)
{
    (void)state, (void)type, (void)data, (void)len;
    return returning_value(goevd_websocket_instance(w), "on_message");
}

static int
returning_host(void *instance, struct goevd_websocket_host *host)
{
    (void)host;
    return returning_value(instance, "on_host");
}

static const struct goevd_websocket_app app = {
    .version = GOEVD_WEBSOCKET_VERSION_OF(struct goevd_websocket_app),
    .websocket = &goevd_websocket,
    .on_request = returning_handshake,
    .on_open = returning_ws_open,
    .on_message = returning_message,
    .on_host = returning_host,
};

static const void *
interface(const char *id)
{
    if (strcmp(id, GOEVD_WEBSOCKET) == 0)
        return &app;
#ifdef RETURNING_STREAM
    return strcmp(id, GOEVD_STREAM) == 0 ? &stream : NULL;
#else
    return strcmp(id, GOEVD_HTTP) == 0 ? &handler : NULL;
#endif
}

static int
create(struct goevd_self *self, const void *options, void **ret_instance)
{
    (void)self;
    *ret_instance = (void *)(uintptr_t)options;
    return returning_value(options, "create");
}

static int
poller_start(void *instance, struct goevd_poller *poller, void **ret_local)
{
    (void)poller, (void)ret_local;
    return returning_value(instance, "poller_start");
}

static int
check_options(void *instance, const void *options)
{
    (void)instance;
    return returning_value(options, "check_options");
}

static const struct goevd_option rows[] = {
    {GOEVD_OPTION(struct returning, callback, "callback", STRING), .flags = GOEVD_OPTION_REQUIRED},
    {GOEVD_OPTION(struct returning, value, "value", INT), .def = "11"},
    {GOEVD_OPTION(struct returning, other, "other", INT), .def = "0",
     .flags = GOEVD_OPTION_RUNTIME},
    {.type = GOEVD_OPTION_END},
};

static const struct goevd_schema schema = GOEVD_SCHEMA(struct returning, rows);

GOEVD_PLUGIN(.name = "returning", .description = "returns invalid values", .options = &schema,
             .create = create, .poller_start = poller_start, .check_options = check_options,
             .interface = interface);
