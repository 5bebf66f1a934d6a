/* Options that change while it runs, behind commands of one line each:
 *
 *   show    the poller, its options as they are now, and how often they have changed
 *   from    the options that create has seen
 *   every   each connection that has sent this gets `word W` when the word changes
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <goevd/poller.h>

#include "plain.h"

struct options {
    struct goevd_str word;
    int64_t rest_ns;
    int64_t low, high;
    bool loud;
    int64_t fixed;
    struct goevd_plugin *inner;
};

static const struct goevd_option options_table[] = {
    {.name = "word",
     .type = GOEVD_OPTION_STRING,
     .flags = GOEVD_OPTION_RUNTIME,
     .offset = offsetof(struct options, word),
     .def = "none",
     .help = "Anything."},
    {.name = "rest",
     .type = GOEVD_OPTION_DURATION,
     .flags = GOEVD_OPTION_RUNTIME,
     .offset = offsetof(struct options, rest_ns),
     .def = "1s",
     .min = 1000000,
     .max = INT64_C(60000000000),
     .help = "A time."},
    {.name = "low",
     .type = GOEVD_OPTION_INT,
     .flags = GOEVD_OPTION_RUNTIME,
     .offset = offsetof(struct options, low),
     .def = "1",
     .help = "Not above high."},
    {.name = "high",
     .type = GOEVD_OPTION_INT,
     .flags = GOEVD_OPTION_RUNTIME,
     .offset = offsetof(struct options, high),
     .def = "10",
     .help = "Not below low; 13 is refused without a word."},
    {.name = "loud",
     .type = GOEVD_OPTION_BOOL,
     .flags = GOEVD_OPTION_RUNTIME,
     .offset = offsetof(struct options, loud),
     .help = "Yes or no."},
    {.name = "fixed",
     .type = GOEVD_OPTION_INT,
     .offset = offsetof(struct options, fixed),
     .help = "It stays."},
    {.name = "inner",
     .type = GOEVD_OPTION_PLUGIN,
     .offset = offsetof(struct options, inner),
     .help = "Another, which is never used."},
    {0},
};

static const struct goevd_schema options_schema = GOEVD_SCHEMA(struct options, options_table);

struct instance {
    struct goevd_self *self;
    const struct options *first;
};

struct listener {
    struct goevd_conn *conn;
    struct listener *next;
};

struct local {
    const struct options *present; /* NULL: those that create has seen */
    unsigned told;
    struct listener *listeners;
};

static int
tunable_say(struct goevd_conn *c, const struct options *o)
{
    const struct local *local = goevd_conn_local(c);
    char line[1024];
    int n = snprintf(line, sizeof(line), "%u %s %" PRId64 " %" PRId64 " %" PRId64 " %d %u\n",
                     goevd_poller_index(goevd_conn_poller(c)), o->word.data, o->rest_ns, o->low,
                     o->high, o->loud, local->told);

    return goevd_conn_write(c, line, (size_t)n);
}

static int
tunable_listen(struct goevd_conn *c, struct local *local)
{
    struct listener *l = calloc(1, sizeof(*l));

    if (!l)
        return -ENOMEM;
    *l = (struct listener){c, local->listeners};
    local->listeners = l;
    return goevd_conn_write(c, "listening\n", 10);
}

static ptrdiff_t
tunable_read(struct goevd_conn *c, void *state, const char *data, size_t len, size_t fresh,
             unsigned flags)
{
    const struct instance *i = goevd_conn_instance(c);
    const struct options *o = goevd_options(i->self, goevd_conn_poller(c));
    struct local *local = goevd_conn_local(c);
    const char *end = memchr(data, '\n', len);
    int r = -EPROTO;

    (void)state, (void)fresh, (void)flags;
    if (!end)
        return 0;
    if (local->present && local->present != o)
        return -EINVAL;
    if (strncmp(data, "show\n", 5) == 0)
        r = tunable_say(c, o);
    else if (strncmp(data, "from\n", 5) == 0)
        r = tunable_say(c, i->first);
    else if (strncmp(data, "every\n", 6) == 0)
        r = tunable_listen(c, local);
    return r < 0 ? r : end + 1 - data;
}

static void
tunable_close(struct goevd_conn *c, void *state, enum goevd_reason reason)
{
    struct local *local = goevd_conn_local(c);
    struct listener **at = &local->listeners, *l;

    (void)state, (void)reason;
    while ((l = *at) != NULL) {
        if (l->conn != c) {
            at = &l->next;
            continue;
        }
        *at = l->next;
        free(l);
    }
}

static const struct goevd_stream tunable_stream = {
    .version = GOEVD_VERSION_OF(struct goevd_stream),
    .on_read = tunable_read,
    .on_close = tunable_close,
};

static const void *
tunable_interface(const char *id)
{
    return strcmp(id, GOEVD_STREAM) == 0 ? &tunable_stream : NULL;
}

static int
tunable_create(struct goevd_self *self, const void *options, void **ret_instance)
{
    struct instance *i = calloc(1, sizeof(*i));

    if (!i)
        return -ENOMEM;
    *i = (struct instance){self, options};
    *ret_instance = i;
    return 0;
}

static int
tunable_check(void *instance, const void *options)
{
    const struct instance *i = instance;
    const struct options *o = options;

    if (o->high == 13)
        return -EPERM;
    if (o->low > o->high)
        return goevd_refuse(i->self, "low", "%" PRId64 " is above high, %" PRId64, o->low, o->high);
    return 0;
}

static void
tunable_options(void *instance, struct goevd_poller *poller, void *local_, const void *options)
{
    const struct instance *i = instance;
    const struct options *o = options;
    struct local *local = local_;
    const char *old = local->present ? local->present->word.data : i->first->word.data;
    char line[600];
    int n = snprintf(line, sizeof(line), "word %s\n", o->word.data);

    if (goevd_options(i->self, poller) != options)
        return;
    for (struct listener *l = local->listeners; l && strcmp(old, o->word.data) != 0; l = l->next)
        goevd_conn_write(l->conn, line, (size_t)n);
    local->present = o;
    local->told++;
}

static int
tunable_start(void *instance, struct goevd_poller *poller, void **ret_local)
{
    (void)instance, (void)poller;
    *ret_local = calloc(1, sizeof(struct local));
    return *ret_local ? 0 : -ENOMEM;
}

static void
tunable_stop(void *instance, struct goevd_poller *poller, void *local)
{
    (void)instance, (void)poller;
    free(local);
}

static void
tunable_destroy(void *instance)
{
    free(instance);
}

GOEVD_PLUGIN(.name = "tunable", .description = "has options that change",
             .options = &options_schema, .create = tunable_create, .destroy = tunable_destroy,
             .poller_start = tunable_start, .poller_stop = tunable_stop,
             .interface = tunable_interface, .check_options = tunable_check,
             .on_options = tunable_options);
