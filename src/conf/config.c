#include "conf/config.h"

#include <errno.h>
#include <string.h>
#include <syslog.h>

#include <goevd/framing.h>

#include "conf/config_build.h"
#include "conf/schema/dump.h"
#include "conf/schema/include.h"
#include "conf/yaml/value.h"

/* ---- For all parts --------------------------------------------------------------------------- */

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

struct place_text
build_place(const char *list, size_t index, const char *key)
{
    struct place_text place;

    snprintf(place.text, sizeof(place.text), "%s[%zu].%s", list, index, key);
    return place;
}

bool
build_word_is(struct goevd_str word, const char *letters)
{
    return strspn(word.data, letters) == word.len;
}

bool
build_is_same(struct goevd_str a, struct goevd_str b)
{
    return a.data && b.data && conf_str_equal(a, b.data);
}

void
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

/* ---- The whole ------------------------------------------------------------------------------- */

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
    if (!path.data || path.data[0] == '/')
        return path;
    build_error(build, key, "expected an absolute path, found %s", CONF_QUOTE(path));
    return (struct goevd_str){0};
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
    config->work_pool = config->top->work_pool;
    config->connectors = config->top->connectors;
    if (config->connectors)
        build_limits(build, &config->connectors->limits, "connectors.");
    config->hang = config->top->hang;
    config->processes = config->top->processes;
    config->stop_timeout_ns = config->top->stop_timeout_ns;
    config->stop_delay_ns = config->top->stop_delay_ns;
    config->open_files_max = config->top->open_files_max;
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
config_load_checked(const char *file, struct snapshot *snapshot,
                    const struct conf_resolver *resolver, config_check_fn check, void *ctx,
                    struct config **ret_config, struct conf_errors *errors)
{
    struct build build = {.config = calloc(1, sizeof(*build.config)), .errors = errors};
    int r = -ENOMEM;

    if (build.config)
        r = conf_read(file, &config_schema, snapshot, &build.config->arena, errors,
                      &build.config->root);
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
    return config_load_checked(file, NULL, resolver, NULL, NULL, ret_config, errors);
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
