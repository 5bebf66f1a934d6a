#include "conf/config.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <syslog.h>

#include "conf/dump.h"
#include "conf/include.h"
#include "conf/path.h"
#include "conf/suggest.h"
#include "conf/value.h"

/* Building a config: the lists are copied from the records, so that derived fields can be set. */
struct build {
    struct config *config;
    struct conf_errors *errors;
    struct config_reactor *reactors;
    struct config_listener *listeners;
};

/* `listeners[3].mode` */
struct place_text {
    char text[64];
};

static struct place_text
build_place(const char *list, size_t index, const char *key)
{
    struct place_text place;

    snprintf(place.text, sizeof(place.text), "%s[%zu].%s", list, index, key);
    return place;
}

#define REACTOR_AT(i, key) (build_place("reactors", (i), (key)).text)
#define LISTENER_AT(i, key) (build_place("listeners", (i), (key)).text)

int
config_error(const struct config *config, struct conf_errors *errors, const char *path,
             const char *format, ...)
{
    va_list args;

    va_start(args, format);
    conf_errors_vadd_below(errors, config->root, "", path, format, args);
    va_end(args);
    return -EINVAL;
}

#define build_error(build, path, ...)                                                              \
    config_error((build)->config, (build)->errors, (path), __VA_ARGS__)

static bool
build_word_is(struct goevd_str word, const char *letters)
{
    return strspn(word.data, letters) == word.len;
}

/* Names that were refused are absent, and equal nothing. */
static bool
build_is_same(struct goevd_str a, struct goevd_str b)
{
    return a.data && b.data && conf_str_equal(a, b.data);
}

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

/* ---- Reactors ------------------------------------------------------------------------------ */

static void
build_reactor_name(struct build *build, size_t i)
{
    const struct config_reactor *reactor = &build->reactors[i];
    size_t before;

    if (!reactor->name.data)
        return;
    if (!build_word_is(reactor->name, LOWER DIGITS "_-"))
        build_error(build, REACTOR_AT(i, "name"), "%s: names are made of a-z, 0-9, _ and -",
                    CONF_QUOTE(reactor->name));
    for (before = 0; before < i; before++) {
        if (!build_is_same(reactor->name, build->reactors[before].name))
            continue;
        build_error(build, REACTOR_AT(i, "name"), "reactors[%zu] has the name %s too", before,
                    CONF_QUOTE(reactor->name));
        return;
    }
}

static void
build_pollers(struct build *build, size_t i)
{
    struct config_reactor *reactor = &build->reactors[i];
    int64_t pollers = 0;

    if (!reactor->pollers_text.data || conf_str_equal(reactor->pollers_text, "auto"))
        return;
    if (value_parse_int(reactor->pollers_text, &pollers, NULL) < 0)
        build_error(build, REACTOR_AT(i, "pollers"), "expected a number or auto, found %s",
                    CONF_QUOTE(reactor->pollers_text));
    else if (pollers < 1 || pollers > CONFIG_POLLERS_MAX)
        build_error(build, REACTOR_AT(i, "pollers"), "%s is %s %d", reactor->pollers_text.data,
                    pollers < 1 ? "below" : "above", pollers < 1 ? 1 : CONFIG_POLLERS_MAX);
    else
        reactor->pollers = (unsigned)pollers;
}

/* `4` or `4-7`. */
static bool
build_cpu_range(struct goevd_str text, unsigned long *ret_first, unsigned long *ret_last)
{
    char *end;

    if (!build_word_is(text, DIGITS "-") || text.data[0] == '-' || text.len > 9)
        return false;
    *ret_first = *ret_last = strtoul(text.data, &end, 10);
    if (*end == '-' && end[1] >= '0' && end[1] <= '9')
        *ret_last = strtoul(end + 1, &end, 10);
    return *end == '\0' && *ret_first <= *ret_last && *ret_last < CONFIG_CPUS_MAX;
}

/* Append the CPUs of every item to the array, which holds CONFIG_CPUS_MAX. */
static void
build_cpu_list(struct build *build, size_t i, unsigned *cpus)
{
    struct config_reactor *reactor = &build->reactors[i];
    const struct goevd_str *items = reactor->cpus_text.items;
    unsigned long first = 0, last = 0;
    char key[32];
    size_t at;

    for (at = 0; at < reactor->cpus_text.count; at++) {
        if (!items[at].data)
            continue; /* already refused */
        if (!build_cpu_range(items[at], &first, &last)) {
            snprintf(key, sizeof(key), "cpus[%zu]", at);
            build_error(build, REACTOR_AT(i, key),
                        "expected auto, none, or CPUs from 0 to %d as in [0, 1, 4-7]; found %s",
                        CONFIG_CPUS_MAX - 1, CONF_QUOTE(items[at]));
            continue;
        }
        for (; first <= last && reactor->cpu_count < CONFIG_CPUS_MAX; first++)
            cpus[reactor->cpu_count++] = (unsigned)first;
    }
}

static int
build_cpus(struct build *build, size_t i)
{
    struct config_reactor *reactor = &build->reactors[i];
    const struct goevd_str *items = reactor->cpus_text.items;
    unsigned *cpus;

    if (reactor->cpus_text.count == 1 && conf_str_equal(items[0], "auto"))
        return 0;
    if (reactor->cpus_text.count == 1 && conf_str_equal(items[0], "none")) {
        reactor->cpus_mode = CONFIG_CPUS_NONE;
        return 0;
    }
    cpus = arena_alloc_array(&build->config->arena, CONFIG_CPUS_MAX, sizeof(*cpus));
    if (!cpus)
        return -ENOMEM;
    reactor->cpus_mode = CONFIG_CPUS_LIST;
    reactor->cpus = cpus;
    build_cpu_list(build, i, cpus);
    return 0;
}

/* `auto` counts as one: how many it will be, only the worker knows. */
static void
build_poller_total(struct build *build)
{
    size_t i, total = 0;

    for (i = 0; i < build->config->reactor_count; i++) {
        total += MAX(build->reactors[i].pollers, 1u);
        if (total <= CONFIG_POLLERS_MAX)
            continue;
        build_error(build, REACTOR_AT(i, "pollers"), "%zu pollers in all are above %d", total,
                    CONFIG_POLLERS_MAX);
        return;
    }
}

static int
build_reactors(struct build *build)
{
    const struct goevd_list *list = &build->config->top->reactors;
    size_t i;

    build->reactors =
        arena_alloc_array(&build->config->arena, list->count, sizeof(*build->reactors));
    if (!build->reactors)
        return -ENOMEM;
    if (list->count > 0)
        memcpy(build->reactors, list->items, list->count * sizeof(*build->reactors));
    build->config->reactors = build->reactors;
    build->config->reactor_count = list->count;
    for (i = 0; i < list->count; i++) {
        build_reactor_name(build, i);
        build_pollers(build, i);
        if (build_cpus(build, i) < 0)
            return -ENOMEM;
    }
    build_poller_total(build);
    return 0;
}

/* ---- Listeners ----------------------------------------------------------------------------- */

/* The kernel chooses another port for each that asks for port 0. */
static bool
build_is_port_0(struct goevd_str address)
{
    return address.len >= 2 && strcmp(address.data + address.len - 2, ":0") == 0 &&
           strncmp(address.data, "unix:", 5) != 0;
}

static void
build_listener_name(struct build *build, size_t i)
{
    struct config_listener *listener = &build->listeners[i];
    bool given = listener->name.data != NULL;
    size_t before;

    if (given && !build_word_is(listener->name, LOWER UPPER DIGITS "_-."))
        build_error(build, LISTENER_AT(i, "name"),
                    "%s: names are made of letters, digits, _, - and the dot",
                    CONF_QUOTE(listener->name));
    if (!given)
        listener->name = listener->address;
    for (before = 0; before < i; before++) {
        const struct config_listener *other = &build->listeners[before];

        if (build_is_same(other->address, listener->address) && !build_is_port_0(other->address))
            build_error(build, LISTENER_AT(i, "address"), "listeners[%zu] has the address %s too",
                        before, CONF_QUOTE(listener->address));
        else if (build_is_same(other->name, listener->name))
            build_error(build, LISTENER_AT(i, "name"), "listeners[%zu] has the name %s too", before,
                        CONF_QUOTE(listener->name));
        else
            continue;
        return;
    }
}

static void
build_unknown_reactor(struct build *build, const char *path, struct goevd_str name)
{
    struct suggest suggest;
    size_t i;

    suggest_init(&suggest, name);
    for (i = 0; i < build->config->reactor_count; i++) {
        if (build->reactors[i].name.data)
            suggest_offer(&suggest, build->reactors[i].name);
    }
    if (suggest.best.data)
        build_error(build, path, "there is no reactor %s; did you mean %s?", CONF_QUOTE(name),
                    suggest.best.data);
    else
        build_error(build, path, "there is no reactor %s under reactors:", CONF_QUOTE(name));
}

static unsigned
build_reactor_find(struct build *build, const char *path, struct goevd_str name, unsigned def)
{
    unsigned i;

    if (!name.data)
        return def;
    for (i = 0; i < build->config->reactor_count; i++) {
        if (build_is_same(name, build->reactors[i].name))
            return i;
    }
    build_unknown_reactor(build, path, name);
    return def;
}

static void
build_listener_reactors(struct build *build, size_t i)
{
    struct config_listener *listener = &build->listeners[i];

    listener->reactor =
        build_reactor_find(build, LISTENER_AT(i, "reactor"), listener->reactor_text, 0);
    listener->accept_reactor = build_reactor_find(build, LISTENER_AT(i, "accept_reactor"),
                                                  listener->accept_reactor_text, listener->reactor);
    if (listener->accept_reactor_text.data && listener->mode != CONFIG_MODE_ACCEPTOR)
        build_error(build, LISTENER_AT(i, "accept_reactor"),
                    "has a meaning only with mode: acceptor");
}

static void
build_socket_mode(struct build *build, size_t i)
{
    struct config_listener *listener = &build->listeners[i];
    struct goevd_str text = listener->socket_mode_text;

    listener->socket_mode = CONFIG_SOCKET_MODE;
    if (!text.data)
        return;
    listener->socket_mode = (unsigned)strtoul(text.data, NULL, 8);
    if (!build_word_is(text, "01234567") || listener->socket_mode > 0777)
        build_error(build, LISTENER_AT(i, "socket_mode"),
                    "expected permissions in octal such as 0660, found %s", CONF_QUOTE(text));
}

/* Keys that only sockets in the file system have. */
static void
build_listener_socket(struct build *build, size_t i)
{
    const struct config_listener *listener = &build->listeners[i];
    const struct {
        const char *key;
        struct goevd_str text;
    } keys[] = {
        {"socket_mode", listener->socket_mode_text},
        {"socket_owner", listener->socket_owner},
        {"socket_group", listener->socket_group},
    };
    size_t k;

    build_socket_mode(build, i);
    if (!listener->address.data || strncmp(listener->address.data, "unix:/", 6) == 0)
        return;
    for (k = 0; k < ARRAY_LEN(keys); k++) {
        if (keys[k].text.data)
            build_error(build, LISTENER_AT(i, keys[k].key),
                        "has a meaning only for addresses that begin with unix:/");
    }
}

/* The marks must not cross, and the tail holds every frame; a value that was refused is 0 and has
 * had its error. `place` is where they are, with a dot at its end. */
static void
build_limits(struct build *build, const struct config_limits *l, const char *place)
{
    const enum goevd_option_type size = GOEVD_OPTION_SIZE;
    char path[64];

    snprintf(path, sizeof(path), "%soutput_low", place);
    if (l->output_low_bytes > l->output_high_bytes && l->output_high_bytes > 0)
        build_error(build, path, "%s is above output_high, %s",
                    value_format(size, l->output_low_bytes).text,
                    value_format(size, l->output_high_bytes).text);
    snprintf(path, sizeof(path), "%soutput_high", place);
    if (l->output_high_bytes > l->output_max_bytes && l->output_max_bytes > 0)
        build_error(build, path, "%s is above output_max, %s",
                    value_format(size, l->output_high_bytes).text,
                    value_format(size, l->output_max_bytes).text);
    snprintf(path, sizeof(path), "%sframe_max", place);
    if (l->frame_max_bytes > l->tail_max_bytes - GOEVD_DELIMITER_MAX && l->tail_max_bytes > 0)
        build_error(build, path, "%s and %d bytes about it are above tail_max, %s",
                    value_format(size, l->frame_max_bytes).text, GOEVD_DELIMITER_MAX,
                    value_format(size, l->tail_max_bytes).text);
}

static int
build_listeners(struct build *build)
{
    const struct goevd_list *list = &build->config->top->listeners;
    size_t i;

    build->listeners =
        arena_alloc_array(&build->config->arena, list->count, sizeof(*build->listeners));
    if (!build->listeners)
        return -ENOMEM;
    if (list->count > 0)
        memcpy(build->listeners, list->items, list->count * sizeof(*build->listeners));
    build->config->listeners = build->listeners;
    build->config->listener_count = list->count;
    for (i = 0; i < list->count; i++) {
        build_listener_name(build, i);
        build_listener_reactors(build, i);
        build_listener_socket(build, i);
        build_limits(build, &build->listeners[i].limits, LISTENER_AT(i, ""));
    }
    return 0;
}

/* ---- The whole ----------------------------------------------------------------------------- */

static int
build_plugin_dir(struct build *build)
{
    struct config *config = build->config;
    const struct conf_node *node = conf_get(config->root, "plugin_dir");

    if (conf_is_null(node) || node->kind != CONF_SCALAR)
        return 0;
    return conf_file_path(&config->arena, node, &config->plugin_dir);
}

/* A path that means the same wherever goevd was started. */
static struct goevd_str
build_path(struct build *build, const char *key, struct goevd_str path)
{
    if (path.data && path.data[0] != '/')
        build_error(build, key, "expected an absolute path, found %s", CONF_QUOTE(path));
    return path;
}

static void
build_log(struct build *build)
{
    struct config *config = build->config;
    const struct config_log *log = config->top->log;

    config->log = log;
    config->log_level = LOG_ERR + (log ? log->level : 0);
    if (log && log->target.data && *log->target.data != '/' &&
        strcmp(log->target.data, "auto") != 0 && strcmp(log->target.data, "stderr") != 0 &&
        strcmp(log->target.data, "journal") != 0)
        build_error(build, "log.target",
                    "expected auto, stderr, journal or an absolute path, found %s",
                    CONF_QUOTE(log->target));
}

static int
build_all(struct build *build, const struct conf_resolver *resolver)
{
    struct config *config = build->config;
    struct conf_context context = {
        .arena = &config->arena, .errors = build->errors, .resolver = resolver};
    const void *top = NULL;

    if (build_plugin_dir(build) < 0)
        return -ENOMEM;
    if (resolver && resolver->plugin_dir)
        resolver->plugin_dir(resolver->ctx, config->plugin_dir);
    if (conf_validate(&context, config->root, "", &config_schema, &top) == -ENOMEM)
        return -ENOMEM;
    config->top = top;
    config->places = context.places;
    build_log(build);
    config->workers = config->top->workers;
    config->connectors = config->top->connectors;
    if (config->connectors)
        build_limits(build, &config->connectors->limits, "connectors.");
    config->hang = config->top->hang;
    config->processes = config->top->processes;
    config->stop_timeout_ns = config->top->stop_timeout_ns;
    config->max_open_files = config->top->max_open_files;
    config->user = config->top->user;
    config->group = config->top->group;
    config->pid_file = build_path(build, "pid_file", config->top->pid_file);
    if (config->top->control)
        config->control_socket = build_path(build, "control.socket", config->top->control->socket);
    if (build_reactors(build) < 0 || build_listeners(build) < 0)
        return -ENOMEM;
    return 0;
}

/* r is the result so far. */
static int
build_end(struct build *build, int r, struct config **ret_config)
{
    if (r == 0 && build->errors->found > 0)
        r = -EINVAL;
    if (r == 0) {
        *ret_config = build->config;
        return 0;
    }
    if (r == -ENOMEM)
        conf_errors_add(build->errors, NULL, "", "out of memory");
    conf_errors_sort(build->errors);
    config_free(build->config);
    return r;
}

int
config_load_checked(const char *file, const struct conf_resolver *resolver, config_check_fn check,
                    void *ctx, struct config **ret_config, struct conf_errors *errors)
{
    struct build build = {.config = calloc(1, sizeof(*build.config)), .errors = errors};
    int r = -ENOMEM;

    if (build.config)
        r = conf_read(file, &config_schema, &build.config->arena, errors, &build.config->root);
    if (r == 0)
        r = build_all(&build, resolver);
    if (r == 0 && check)
        check(ctx, build.config, errors);
    return build_end(&build, r, ret_config);
}

int
config_override(const struct config *file, const struct config_override *overrides, size_t count,
                const struct conf_resolver *resolver, struct config **ret_config,
                struct conf_errors *errors)
{
    struct build build = {.config = calloc(1, sizeof(*build.config)), .errors = errors};
    int r = build.config ? 0 : -ENOMEM;

    if (r == 0)
        build.config->root = file->root;
    for (size_t i = 0; r == 0 && i < count; i++) {
        build.config->root = conf_override(&build.config->arena, build.config->root,
                                           overrides[i].path, overrides[i].text);
        r = build.config->root ? 0 : -ENOMEM;
    }
    if (r == 0)
        r = build_all(&build, resolver);
    return build_end(&build, r, ret_config);
}

int
config_load(const char *file, const struct conf_resolver *resolver, struct config **ret_config,
            struct conf_errors *errors)
{
    return config_load_checked(file, resolver, NULL, NULL, ret_config, errors);
}

void
config_free(struct config *config)
{
    if (!config)
        return;
    arena_fini(&config->arena);
    free(config);
}

int
config_dump(const struct config *config, FILE *out)
{
    struct config_top top = *config->top;

    top.plugin_dir = config->plugin_dir;
    return conf_dump(out, &config_schema, &top, config->root, &config->places);
}
