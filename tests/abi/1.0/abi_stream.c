/* A stream handler of ABI 1.0: it does what a line tells it, and says when it is done. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <goevd/plugin.h>

#define TIMER 1
#define SENT 7
#define KEY 1

/* ---- Options --------------------------------------------------------------------------------- */

struct options {
    bool loud;
    int64_t number, size, wait_ns, rate;
    struct goevd_str word;
    int mood;
    struct goevd_list words, pairs;
    struct goevd_plugin *next;
    struct goevd_str upstream;
};

static const char *const moods[] = {"glad", "sad", NULL};
static const struct goevd_option word[] = {{.type = GOEVD_OPTION_STRING}, {.name = NULL}};
static const struct goevd_schema word_schema = GOEVD_SCHEMA(struct goevd_str, word);

#define AT(member) .offset = offsetof(struct options, member)
static const struct goevd_option rows[] = {
    {.name = "loud", .type = GOEVD_OPTION_BOOL, AT(loud), .def = "true", .help = "-"},
    {.name = "number",
     .type = GOEVD_OPTION_INT,
     AT(number),
     .def = "-1",
     .flags = GOEVD_OPTION_RUNTIME,
     .min = -1,
     .max = 99,
     .help = "-"},
    {.name = "size", .type = GOEVD_OPTION_SIZE, AT(size), .def = "2KiB", .help = "-"},
    {.name = "wait", .type = GOEVD_OPTION_DURATION, AT(wait_ns), .def = "2ms", .help = "-"},
    {.name = "rate", .type = GOEVD_OPTION_RATE, AT(rate), .def = "1KiB/s", .help = "-"},
    {.name = "word", .type = GOEVD_OPTION_STRING, AT(word), .def = "so", .help = "-"},
    {.name = "mood",
     .type = GOEVD_OPTION_ENUM,
     AT(mood),
     .def = "glad",
     .choices = moods,
     .help = "-"},
    {.name = "words", .type = GOEVD_OPTION_LIST, AT(words), .item = &word_schema, .help = "-"},
    {.name = "pairs", .type = GOEVD_OPTION_MAP, AT(pairs), .help = "-"},
    {.name = "next",
     .type = GOEVD_OPTION_PLUGIN,
     AT(next),
     .interface_id = GOEVD_STREAM,
     .help = "-"},
    {.name = "upstream",
     .type = GOEVD_OPTION_STRING,
     AT(upstream),
     .flags = GOEVD_OPTION_REQUIRED,
     .help = "-"},
    {.type = GOEVD_OPTION_END},
};
static const struct goevd_schema schema = GOEVD_SCHEMA(struct options, rows);

/* ---- An instance, a poller, a connection ----------------------------------------------------- */

struct abi {
    struct goevd_self *self;
    const struct options *options;
    struct goevd_pool *pool;
    int figure;
};

struct state {
    uint64_t lines;
};

static int
abi_say(struct goevd_conn *c, const char *text)
{
    return goevd_conn_write_frame(c, text, strlen(text));
}

static int
abi_say_to(struct abi *a, uint64_t id, const char *text)
{
    return goevd_send_frame(a->self, id, text, strlen(text), 0);
}

/* ---- Connections to another server ----------------------------------------------------------- */

struct upstream {
    struct abi *abi;
    uint64_t client;
    bool pooled;
};

static int
upstream_open(struct goevd_conn *c, void *state)
{
    (void)state;
    return goevd_conn_write_now(c, "ping", 4);
}

static ptrdiff_t
upstream_read(struct goevd_conn *c, void *state, const char *data, size_t len, size_t fresh,
              unsigned flags)
{
    struct upstream *u = state;

    (void)fresh, (void)flags;
    if (len < 4) {
        goevd_conn_need(c, 4);
        return 0;
    }
    abi_say_to(u->abi, u->client, memcmp(data, "ping", 4) == 0 ? "reached" : "strange");
    if (u->pooled)
        goevd_pool_release(c);
    else
        goevd_conn_close(c, GOEVD_CLOSE_FLUSH);
    return (ptrdiff_t)len;
}

static void
upstream_fail(void *instance, struct goevd_poller *poller, void *state, int error)
{
    struct upstream *u = state;

    (void)instance, (void)poller, (void)error;
    abi_say_to(u->abi, u->client, "failed");
}

static const struct goevd_stream upstream_stream = {
    .version = GOEVD_VERSION_OF(struct goevd_stream),
    .conn_size = sizeof(struct upstream),
    .on_open = upstream_open,
    .on_read = upstream_read,
    .on_connect_fail = upstream_fail,
};

/* ---- What lines tell ------------------------------------------------------------------------- */

static int
do_options(struct goevd_conn *c, struct abi *a)
{
    const struct options *o = goevd_options(a->self, goevd_conn_poller(c));
    const struct goevd_str *words = o->words.items;
    const struct goevd_pair *pairs = o->pairs.items;
    char text[200];

    snprintf(text, sizeof(text), "%d %lld %lld %lld %lld %s %s %s %s=%s %s", o->loud,
             (long long)o->number, (long long)o->size, (long long)o->wait_ns, (long long)o->rate,
             o->word.data, moods[o->mood], words[o->words.count - 1].data, pairs[0].key.data,
             pairs[0].value.data, goevd_conn_listener(c));
    return abi_say(c, text);
}

static int
do_timer(struct goevd_conn *c, struct abi *a)
{
    return goevd_conn_timer_arm(c, TIMER, (uint64_t)a->options->wait_ns, 0);
}

static int
do_deadline(struct goevd_conn *c, struct abi *a)
{
    goevd_conn_deadline(c, (uint64_t)a->options->wait_ns);
    return 0;
}

/* On a thread of the work pool; on_sent says the rest. */
static int
send_job(void *arg)
{
    struct upstream *u = arg;

    return goevd_send(u->abi->self, u->client, "from a thread\n", 14, SENT);
}

static void
send_done(struct goevd_conn *c, void *arg, int result)
{
    (void)c, (void)result;
    free(arg);
}

static int
do_job(struct goevd_conn *c, struct abi *a)
{
    struct upstream *u = malloc(sizeof(*u));
    int r = -ENOMEM;

    if (u != NULL) {
        *u = (struct upstream){a, goevd_conn_id(c), false};
        r = goevd_submit(a->self, goevd_conn_poller(c), u->client, GOEVD_SUBMIT_ORDERED, send_job,
                         send_done, u);
    }
    if (r < 0)
        free(u);
    return r;
}

static int
do_connect(struct goevd_conn *c, struct abi *a)
{
    struct upstream u = {a, goevd_conn_id(c), false};
    struct goevd_connect_request request = {
        .version = GOEVD_VERSION_OF(struct goevd_connect_request),
        .to = a->options->upstream.data,
        .stream = &upstream_stream,
        .state = &u,
        .state_len = sizeof(u),
    };

    return goevd_connect(a->self, goevd_conn_poller(c), &request, NULL);
}

static int
do_pool(struct goevd_conn *c, struct abi *a)
{
    struct upstream u = {a, goevd_conn_id(c), true};
    struct goevd_acquire_request request = {
        .version = GOEVD_VERSION_OF(struct goevd_acquire_request),
        .stream = &upstream_stream,
        .state = &u,
        .state_len = sizeof(u),
    };

    return goevd_pool_acquire(a->pool, goevd_conn_poller(c), &request);
}

static int
do_cache(struct goevd_conn *c, struct abi *a)
{
    const char *value = goevd_cache_get(a->self, goevd_conn_poller(c), KEY, NULL);

    goevd_figure_add(a->self, goevd_conn_poller(c), a->figure, 1);
    return abi_say(c, value != NULL ? value : "nothing");
}

static int
do_network(struct goevd_conn *c, struct abi *a)
{
    struct sockaddr_storage peer;
    struct goevd_network network;
    char json[8];
    size_t len = goevd_json_escape(json, sizeof(json), "\"", 1);

    (void)a;
    goevd_conn_peer_address(c, &peer);
    goevd_conn_log(c, GOEVD_LOG_NOTICE, "asks where it is");
    return abi_say(c, goevd_network_parse("127.0.0.0/8", &network, NULL, 0) == 0 && len == 2 &&
                              goevd_network_any(&network, 1, (struct sockaddr *)&peer)
                          ? "near"
                          : "far");
}

static int
do_next(struct goevd_conn *c, struct abi *a)
{
    return goevd_conn_upgrade(c, a->options->next, NULL, 0);
}

static const struct {
    const char *line;
    int (*run)(struct goevd_conn *c, struct abi *a);
} lines[] = {
    {"options", do_options}, {"timer", do_timer},     {"deadline", do_deadline},
    {"job", do_job},         {"connect", do_connect}, {"pool", do_pool},
    {"cache", do_cache},     {"network", do_network}, {"next", do_next},
};

/* ---- Callbacks ------------------------------------------------------------------------------- */

static int
abi_frame(struct goevd_conn *c, void *state, const char *data, size_t len, unsigned flags)
{
    (void)flags;
    ((struct state *)state)->lines++;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        if (len == strlen(lines[i].line) && memcmp(data, lines[i].line, len) == 0)
            return lines[i].run(c, goevd_conn_instance(c));
    return -EINVAL;
}

static int
abi_timeout(struct goevd_conn *c, void *state, uint64_t cookie)
{
    (void)state;
    return abi_say(c, cookie == TIMER ? "timer" : cookie == GOEVD_DEADLINE ? "deadline" : "?");
}

static void
abi_sent(void *instance, uint64_t id, uint64_t cookie, int result)
{
    if (cookie == SENT)
        abi_say_to(instance, id, result == 0 ? "sent" : "lost");
}

static int
abi_eof(struct goevd_conn *c, void *state)
{
    char text[40];
    int r;

    snprintf(text, sizeof(text), "%llu lines", (unsigned long long)((struct state *)state)->lines);
    r = abi_say(c, text);
    return r < 0 ? r : -ENODATA;
}

static void
abi_close(struct goevd_conn *c, void *state, enum goevd_reason reason)
{
    const struct abi *a = goevd_conn_instance(c);

    (void)state;
    goevd_log(a->self, GOEVD_LOG_NOTICE, "closed for reason %d", reason);
}

static const struct goevd_framing framing = {
    .version = GOEVD_VERSION_OF(struct goevd_framing),
    .type = GOEVD_FRAMING_LINES,
};

static const struct goevd_stream stream = {
    .version = GOEVD_VERSION_OF(struct goevd_stream),
    .conn_size = sizeof(struct state),
    .framing = &framing,
    .on_frame = abi_frame,
    .on_timeout = abi_timeout,
    .on_sent = abi_sent,
    .on_eof = abi_eof,
    .on_close = abi_close,
};

/* ---- The plugin ------------------------------------------------------------------------------ */

static int
abi_create(struct goevd_self *self, const void *options, void **ret_instance)
{
    struct abi *a = calloc(1, sizeof(*a));
    const struct options *o = options;
    struct goevd_pool_config pool = {
        .version = GOEVD_VERSION_OF(struct goevd_pool_config),
        .to = o->upstream.data,
        .max_live = 2,
    };
    int r;

    if (a == NULL)
        return -ENOMEM;
    a->self = self;
    a->options = o;
    a->figure = goevd_figure_new(self, "asked", "questions", "so far", GOEVD_FIGURE_COUNTER);
    r = a->figure < 0 ? a->figure : goevd_cache_set(self, KEY, "kept", sizeof("kept"));
    if (r == 0)
        r = goevd_address_check(o->upstream.data, NULL, 0);
    if (r < 0)
        goevd_refuse(self, "upstream", "'%s' is no address", o->upstream.data);
    if (r == 0)
        r = goevd_pool_new(self, &pool, &a->pool);
    if (r < 0) {
        free(a);
        return r;
    }
    *ret_instance = a;
    return 0;
}

static const void *
abi_interface(const char *id)
{
    return strcmp(id, GOEVD_STREAM) == 0 ? &stream : NULL;
}

GOEVD_PLUGIN(.name = "abi_stream", .description = "a stream handler of ABI 1.0", .options = &schema,
             .create = abi_create, .destroy = free, .interface = abi_interface);
