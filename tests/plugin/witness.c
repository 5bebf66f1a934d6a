/* Writes every call it gets to the log, so that a test can hold their order.
 *
 *   #1 create a
 *   #7 a conn 3 on_close reason 0
 *
 * The numbers are in the order of the calls, over all threads.
 */
#include <stdatomic.h>
#include <stdlib.h>

#include <goevd/poller.h>

#include "plain.h"

struct options {
    struct goevd_str name;
    struct goevd_list behind; /* of struct goevd_plugin * */
    bool stays;
};

struct witness {
    struct goevd_self *self;
    const struct options *options;
    atomic_uint conns;
};

struct conn {
    unsigned number;
    unsigned opens, closes;
};

static atomic_uint witness_calls;

#define WITNESS(w, format, ...)                                                                    \
    goevd_log((w)->self, GOEVD_LOG_NOTICE, "#%u %s " format,                                       \
              atomic_fetch_add(&witness_calls, 1) + 1, (w)->options->name.data, __VA_ARGS__)

/* ---- Connections ----------------------------------------------------------------------------- */

static int
witness_open(struct goevd_conn *c, void *state)
{
    struct witness *w = goevd_conn_instance(c);
    struct conn *conn = state;

    conn->number = atomic_fetch_add(&w->conns, 1) + 1;
    WITNESS(w, "conn %u on_open local %s times %u", conn->number,
            goevd_conn_local(c) == w ? "right" : "WRONG", ++conn->opens);
    return 0;
}

/* "refuse" and "bye" close; everything else comes back. */
static ptrdiff_t
witness_read(struct goevd_conn *c, void *state, const char *data, size_t len, size_t fresh,
             unsigned flags)
{
    struct conn *conn = state;

    WITNESS((struct witness *)goevd_conn_instance(c), "conn %u on_read %zu", conn->number, len);
    if (len >= 6 && memcmp(data, "refuse", 6) == 0)
        return -EPROTO;
    (void)fresh, (void)flags;
    (void)goevd_conn_write(c, data, len);
    if (len >= 3 && memcmp(data, "bye", 3) == 0)
        goevd_conn_close(c, GOEVD_CLOSE_FLUSH);
    return (ptrdiff_t)len;
}

static int
witness_eof(struct goevd_conn *c, void *state)
{
    struct conn *conn = state;

    WITNESS((struct witness *)goevd_conn_instance(c), "conn %u on_eof", conn->number);
    return -1;
}

static int
witness_stop(struct goevd_conn *c, void *state)
{
    struct witness *w = goevd_conn_instance(c);
    struct conn *conn = state;

    WITNESS(w, "conn %u on_stop", conn->number);
    return w->options->stays ? 0 : -1;
}

static void
witness_close(struct goevd_conn *c, void *state, enum goevd_reason reason)
{
    struct conn *conn = state;

    WITNESS((struct witness *)goevd_conn_instance(c), "conn %u on_close reason %d times %u",
            conn->number, (int)reason, ++conn->closes);
}

static const struct goevd_stream witness_stream = {
    .version = GOEVD_VERSION_OF(struct goevd_stream),
    .conn_size = sizeof(struct conn),
    .on_open = witness_open,
    .on_read = witness_read,
    .on_eof = witness_eof,
    .on_stop = witness_stop,
    .on_close = witness_close,
};

/* ---- The instance ---------------------------------------------------------------------------- */

static const struct goevd_option behind_options[] = {
    {.type = GOEVD_OPTION_PLUGIN, .interface_id = GOEVD_STREAM, .help = "a plugin"},
    {0},
};
static const struct goevd_schema behind_schema =
    GOEVD_SCHEMA(struct goevd_plugin *, behind_options);

static const struct goevd_option witness_options[] = {
    {.name = "name",
     .type = GOEVD_OPTION_STRING,
     .offset = offsetof(struct options, name),
     .def = "w",
     .help = "prefix of its lines"},
    {.name = "behind",
     .type = GOEVD_OPTION_LIST,
     .offset = offsetof(struct options, behind),
     .item = &behind_schema,
     .help = "plugins that this one uses"},
    {.name = "stays",
     .type = GOEVD_OPTION_BOOL,
     .offset = offsetof(struct options, stays),
     .help = "connections do not close when goevd stops"},
    {0},
};
static const struct goevd_schema witness_schema = GOEVD_SCHEMA(struct options, witness_options);

static int
witness_create(struct goevd_self *self, const void *options, void **ret_instance)
{
    struct witness *w = calloc(1, sizeof(*w));

    if (!w)
        return -ENOMEM;
    w->self = self;
    w->options = options;
    WITNESS(w, "create behind %zu", w->options->behind.count);
    *ret_instance = w;
    return 0;
}

static void
witness_destroy(void *instance)
{
    struct witness *w = instance;

    WITNESS(w, "destroy conns %u", atomic_load(&w->conns));
    free(w);
}

static int
witness_poller_start(void *instance, struct goevd_poller *poller, void **ret_local)
{
    WITNESS((struct witness *)instance, "poller_start %u", goevd_poller_index(poller));
    *ret_local = instance;
    return 0;
}

static void
witness_poller_stop(void *instance, struct goevd_poller *poller, void *local)
{
    WITNESS((struct witness *)instance, "poller_stop %u local %s", goevd_poller_index(poller),
            local == instance ? "right" : "WRONG");
}

static const void *
witness_interface(const char *id)
{
    return strcmp(id, GOEVD_STREAM) == 0 ? &witness_stream : NULL;
}

GOEVD_PLUGIN(.name = "witness", .description = "writes every call to the log",
             .options = &witness_schema, .create = witness_create, .destroy = witness_destroy,
             .poller_start = witness_poller_start, .poller_stop = witness_poller_stop,
             .interface = witness_interface);
