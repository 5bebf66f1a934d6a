/* A connect pool, behind commands of one line each:
 *
 *   get WORD [MS]   ask for a connection, for so long
 *   say WORD TEXT   send TEXT on the one that WORD stands for
 *   put WORD        give it back
 *   drop WORD       close it
 *   reject WORD     close it, for its server cannot serve
 *   metrics         `metrics IDLE LIVE WAITING ACQUIRED FAILED DEAD`
 *
 * and the results: `open POLLER WORD`, `fail ERROR WORD`, `close REASON WORD`, `error NUMBER
 * -`.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <goevd/poller.h>
#include <goevd/pool.h>

#include "plain.h"

#define WORD_MAX 16
#define HELD_MAX 64

struct options {
    struct goevd_str to;
    int64_t idle_min, connections_max, growth, waiting;
    int64_t idle_timeout_ns, check_interval_ns, check_timeout_ns;
};

static const struct goevd_option options_table[] = {
    {GOEVD_OPTION(struct options, to, "to", STRING)},
    {GOEVD_OPTION(struct options, idle_min, "idle_min", INT), .def = "0"},
    {GOEVD_OPTION(struct options, connections_max, "connections_max", INT), .def = "0"},
    {GOEVD_OPTION(struct options, growth, "growth", INT), .def = "0"},
    {GOEVD_OPTION(struct options, waiting, "waiting", INT), .def = "0"},
    {GOEVD_OPTION(struct options, idle_timeout_ns, "idle_timeout", DURATION), .def = "0"},
    {GOEVD_OPTION(struct options, check_interval_ns, "check_interval", DURATION), .def = "0"},
    {GOEVD_OPTION(struct options, check_timeout_ns, "check_timeout", DURATION), .def = "0"},
    {0},
};

static const struct goevd_schema options_schema = GOEVD_SCHEMA(struct options, options_table);

struct instance {
    struct goevd_self *self;
    struct goevd_pool *pool;
};

struct held {
    char word[WORD_MAX];
    struct goevd_conn *conn;
};

/* Lives until its client and everything that it has asked for are gone. */
struct table {
    unsigned refs;
    struct goevd_conn *client; /* NULL: gone */
    struct held held[HELD_MAX];
};

struct upstream {
    struct table *table;
    char word[WORD_MAX];
};

static struct instance *
instance_of(struct goevd_conn *c)
{
    return goevd_conn_instance(c);
}

static struct held *
table_find(struct table *t, const char *word)
{
    for (size_t i = 0; i < HELD_MAX; i++)
        if (strcmp(t->held[i].word, word) == 0)
            return &t->held[i];
    return NULL;
}

static void
table_unref(struct table *t)
{
    if (--t->refs == 0)
        free(t);
}

static void
table_tell(struct table *t, const char *what, int number, const char *word)
{
    char line[64];

    snprintf(line, sizeof(line), "%s %d %s\n", what, number, word);
    if (t->client)
        goevd_conn_write(t->client, line, strlen(line));
}

/* ---- Connections of the pool ----------------------------------------------------------------- */

static int
upstream_open(struct goevd_conn *c, void *state)
{
    struct upstream *u = state;
    struct held *held = table_find(u->table, "");

    if (!held)
        return -ENOSPC;
    snprintf(held->word, sizeof(held->word), "%s", u->word);
    held->conn = c;
    table_tell(u->table, "open", (int)goevd_poller_index(goevd_conn_poller(c)), u->word);
    return 0;
}

static ptrdiff_t
upstream_read(struct goevd_conn *c, void *state, const char *data, size_t len, size_t fresh,
              unsigned flags)
{
    struct upstream *u = state;

    (void)c, (void)fresh, (void)flags;
    if (data[0] == 'k') { /* unconsumed bytes must not reach the next user */
        table_tell(u->table, "kept", (int)len, u->word);
        return 0;
    }
    if (u->table->client)
        goevd_conn_write(u->table->client, data, len);
    return (ptrdiff_t)len;
}

static void
upstream_close(struct goevd_conn *c, void *state, enum goevd_reason reason)
{
    struct upstream *u = state;
    struct held *held = table_find(u->table, u->word);

    (void)c;
    if (held)
        memset(held, 0, sizeof(*held));
    table_tell(u->table, "close", (int)reason, u->word);
    table_unref(u->table);
}

static void
upstream_fail(void *instance, struct goevd_poller *poller, void *state, int error)
{
    struct upstream *u = state;
    char what[32];

    (void)instance, (void)poller;
    snprintf(what, sizeof(what), "fail %s", strerrorname_np(-error));
    table_tell(u->table, what, (int)goevd_poller_index(poller), u->word);
    table_unref(u->table);
}

static const struct goevd_stream upstream_stream = {
    .version = GOEVD_VERSION_OF(struct goevd_stream),
    .conn_size = sizeof(struct upstream),
    .on_open = upstream_open,
    .on_read = upstream_read,
    .on_close = upstream_close,
    .on_connect_fail = upstream_fail,
};

/* ---- Commands -------------------------------------------------------------------------------- */

static int
command_get(struct goevd_conn *c, struct table *t, const char *word, unsigned ms)
{
    struct upstream u = {.table = t};
    struct goevd_acquire_request request = {
        .version = GOEVD_VERSION_OF(struct goevd_acquire_request),
        .stream = &upstream_stream,
        .state = &u,
        .state_len = sizeof(u),
        .timeout_ns = UINT64_C(1000000) * ms,
    };
    int r;

    snprintf(u.word, sizeof(u.word), "%s", word);
    r = goevd_pool_acquire(instance_of(c)->pool, goevd_conn_poller(c), &request);
    if (r == 0)
        t->refs++;
    return r;
}

static int
command_metrics(struct goevd_conn *c)
{
    struct goevd_pool_state now = {.version = GOEVD_VERSION_OF(struct goevd_pool_state)};
    char line[128];

    goevd_pool_get_state(instance_of(c)->pool, &now);
    snprintf(line, sizeof(line), "metrics %d %d %d %d %d %d\n", (int)now.idle, (int)now.live,
             (int)now.waiting, (int)now.acquired, (int)now.failed, (int)now.dead);
    return goevd_conn_write(c, line, strlen(line));
}

static int
command_held(struct table *t, const char *verb, const char *word, const char *text)
{
    struct held *held = table_find(t, word);

    if (!held || !held->conn)
        return -ENOENT;
    if (strcmp(verb, "say") == 0)
        return goevd_conn_write(held->conn, text, strlen(text));
    if (strcmp(verb, "drop") == 0)
        goevd_conn_close(held->conn, GOEVD_CLOSE_NOW);
    else if (strcmp(verb, "reject") == 0)
        return goevd_pool_reject(held->conn);
    else if (goevd_pool_release(held->conn) < 0)
        return -EBUSY;
    return 0;
}

static int
command_run(struct goevd_conn *c, struct table *t, const char *line)
{
    char verb[16] = "", word[WORD_MAX] = "", text[64] = "";

    sscanf(line, "%15s %15s %63[^\n]", verb, word, text);
    if (strcmp(verb, "get") == 0)
        return command_get(c, t, word, (unsigned)atoi(text));
    if (strcmp(verb, "metrics") == 0)
        return command_metrics(c);
    return command_held(t, verb, word, text);
}

static int
pooling_open(struct goevd_conn *c, void *state)
{
    struct table **t = state;

    *t = calloc(1, sizeof(**t));
    if (!*t)
        return -ENOMEM;
    (*t)->refs = 1;
    (*t)->client = c;
    return 0;
}

static ptrdiff_t
pooling_read(struct goevd_conn *c, void *state, const char *data, size_t len, size_t fresh,
             unsigned flags)
{
    struct table **t = state;
    const char *end;
    size_t used = 0;

    (void)fresh, (void)flags;
    while ((end = memchr(data + used, '\n', len - used))) {
        char line[128];
        int r;

        snprintf(line, sizeof(line), "%.*s", (int)(end - data - (ptrdiff_t)used), data + used);
        used = (size_t)(end + 1 - data);
        r = command_run(c, *t, line);
        if (r < 0)
            table_tell(*t, "error", r, "-");
    }
    return (ptrdiff_t)used;
}

static void
pooling_close(struct goevd_conn *c, void *state, enum goevd_reason reason)
{
    struct table **t = state;

    (void)c, (void)reason;
    if (!*t)
        return;
    (*t)->client = NULL;
    table_unref(*t);
}

static const struct goevd_stream pooling_stream = {
    .version = GOEVD_VERSION_OF(struct goevd_stream),
    .conn_size = sizeof(struct table *),
    .on_open = pooling_open,
    .on_read = pooling_read,
    .on_close = pooling_close,
};

static int
pooling_create(struct goevd_self *self, const void *options, void **ret_instance)
{
    const struct options *o = options;
    struct goevd_pool_config config = {
        .version = GOEVD_VERSION_OF(struct goevd_pool_config),
        .to = o->to.data,
        .idle_min = (unsigned)o->idle_min,
        .connections_max = (unsigned)o->connections_max,
        .growth = (unsigned)o->growth,
        .waiting_max = (unsigned)o->waiting,
        .idle_timeout_ns = (uint64_t)o->idle_timeout_ns,
        .check_interval_ns = (uint64_t)o->check_interval_ns,
        .check_timeout_ns = (uint64_t)o->check_timeout_ns,
        .check = "ping\n",
        .check_len = 5,
        .check_reply = "pong\n",
        .check_reply_len = 5,
    };
    struct instance *i = calloc(1, sizeof(*i));
    int r;

    if (!i)
        return -ENOMEM;
    i->self = self;
    r = goevd_pool_new(self, &config, &i->pool);
    if (r < 0) {
        free(i);
        return goevd_refuse(self, "", "no pool: %s", strerrorname_np(-r));
    }
    *ret_instance = i;
    return 0;
}

static void
pooling_destroy(void *instance)
{
    free(instance);
}

static const void *
pooling_interface(const char *id)
{
    return strcmp(id, GOEVD_STREAM) == 0 ? &pooling_stream : NULL;
}

GOEVD_PLUGIN(.name = "pooling", .description = "lends connections of a pool",
             .options = &options_schema, .create = pooling_create, .destroy = pooling_destroy,
             .interface = pooling_interface);
