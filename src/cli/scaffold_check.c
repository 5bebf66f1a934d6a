/* Faults of a built plugin, also those that dlopen(3) and the loader accept. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <goevd/http.h>
#include <goevd/websocket.h>

#include "cli/scaffold.h"
#include "conf/schema/schema.h"
#include "conf/yaml/path.h"
#include "plug/loader/object.h"
#include "plug/plugins.h"

#define NAMES_MAX 8 /* in one line */

static void scaffold_warn(const char *path, const char *format, ...) PRINTF(2, 3);

static void
scaffold_warn(const char *path, const char *format, ...)
{
    char text[ERR_TEXT_MAX];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    fprintf(stderr, "goevd: %s: warning: %s\n", path, text);
}

/* ---- Symbols --------------------------------------------------------------------------------- */

struct names {
    char text[ERR_TEXT_MAX / 2];
    size_t len;
    unsigned count;
};

static void
scaffold_add_name(const char *name, void *arg)
{
    struct names *names = arg;
    int n;

    if (strcmp(name, "goevd_plugin_entry") == 0)
        return;
    if (names->count++ >= NAMES_MAX)
        return;
    n = snprintf(names->text + names->len, sizeof(names->text) - names->len, "%s%s",
                 names->len > 0 ? ", " : "", name);
    names->len = MIN(names->len + (size_t)n, sizeof(names->text) - 1);
}

/* "" or " and 3 more" */
static const char *
scaffold_more(const struct names *names, char *buf, size_t size)
{
    buf[0] = '\0';
    if (names->count > NAMES_MAX)
        snprintf(buf, size, " and %u more", names->count - NAMES_MAX);
    return buf;
}

static void
scaffold_check_object(const char *path)
{
    struct names exports = {0};
    struct object object;
    char more[32];

    if (object_open(&object, path) < 0)
        return;
    object_each_export(&object, scaffold_add_name, &exports);
    if (exports.count > 0)
        scaffold_warn(
            path,
            "it exports %s%s, and a library with the same name would take its place; make "
            "them static, or build with -fvisibility=hidden",
            exports.text, scaffold_more(&exports, more, sizeof(more)));
    if (object_wants_executable_stack(&object))
        scaffold_warn(path,
                      "it makes the stack executable, for all of goevd; avoid functions within "
                      "functions, or link with -Wl,-z,noexecstack");
}

/* The loader names only the first missing symbol; an author needs all of them. */
static void
scaffold_report_missing(const char *path)
{
    struct names missing = {0};
    struct object object;
    char more[32];

    if (object_open(&object, path) < 0)
        return;
    object_each_missing(&object, scaffold_add_name, &missing);
    if (missing.count > 1)
        scaffold_warn(path, "no library provides %s%s", missing.text,
                      scaffold_more(&missing, more, sizeof(more)));
}

/* ---- Interfaces ------------------------------------------------------------------------------ */

/* How the tables of every handler that another plugin hosts begin. */
struct hosted {
    struct goevd_version version;
    uint32_t needs;
};

static int
scaffold_check_interfaces(const struct module *m, struct err *reterr)
{
    static const struct {
        const char *id;
        unsigned major, minor;
    } known[] = {{GOEVD_HTTP, GOEVD_HTTP_ABI_MAJOR, GOEVD_HTTP_ABI_MINOR},
                 {GOEVD_WEBSOCKET, GOEVD_WEBSOCKET_ABI_MAJOR, GOEVD_WEBSOCKET_ABI_MINOR}};

    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        const struct hosted *h = module_interface(m, known[i].id);

        if (h && (h->version.major != known[i].major || h->needs > known[i].minor))
            return err_set(reterr, -ELIBBAD,
                           "%s: its %s is of ABI %u.%u and needs %u.%u, and this goevd has %u.%u; "
                           "build it against this goevd's headers, or upgrade goevd",
                           m->path, known[i].id, h->version.major, h->version.minor,
                           h->version.major, h->needs, known[i].major, known[i].minor);
    }
    return 0;
}

/* ---- Options --------------------------------------------------------------------------------- */

/* A schema and those that it is in: one may contain itself. */
struct chain {
    const struct goevd_schema *schema;
    const struct chain *up;
};

static void
scaffold_check_help(const char *path, const struct goevd_schema *schema, struct conf_path *at,
                    const struct chain *up)
{
    const struct chain here = {schema, up};
    const struct goevd_option *option;

    for (; up; up = up->up)
        if (up->schema == schema)
            return;
    if (conf_schema_is_item(schema))
        return;
    for (option = schema->options; option->type; option = conf_option_next(schema, option)) {
        size_t back = path_key(at, (struct goevd_str){option->name, strlen(option->name)});

        if (!option->help || !option->help[0])
            scaffold_warn(path, "the option '%s' has no help for --describe to print", at->text);
        if (option->item)
            scaffold_check_help(path, option->item, at, &here);
        path_back(at, back);
    }
}

/* ---- Its name -------------------------------------------------------------------------------- */

static void
scaffold_check_name(const char *path, const char *name)
{
    const char *slash = strrchr(path, '/'), *file = slash ? slash + 1 : path;
    size_t len = strlen(name);

    if (strncmp(file, name, len) != 0 || strcmp(file + len, ".so") != 0)
        scaffold_warn(path,
                      "its name is '%s', which logs and metrics have, and the file's, which "
                      "configurations have, is '%.*s'; make them the same",
                      name, (int)strcspn(file, "."), file);
}

/* ---- All of it ------------------------------------------------------------------------------- */

static int
scaffold_check_module(struct plugins *plugins, const char *path, struct err *reterr)
{
    struct conf_path at = {0};
    struct module *m;
    int r = plugins_module(plugins, path, &m, reterr);

    if (r < 0)
        return r;
    r = plugins_describe(plugins, path, stdout, reterr);
    if (r < 0)
        return r;
    if (m->entry.options)
        scaffold_check_help(path, m->entry.options, &at, NULL);
    r = scaffold_check_interfaces(m, reterr);
    if (r == 0)
        scaffold_check_name(path, m->entry.name);
    return r;
}

int
scaffold_check(const char *path, struct err *reterr)
{
    struct plugins plugins;
    char slashed[4096];
    int r = plugins_init(&plugins, NULL, reterr);

    if (r < 0)
        return r;
    /* The path of a plugin has a slash in it. */
    snprintf(slashed, sizeof(slashed), "%s%s", strchr(path, '/') ? "" : "./", path);
    r = scaffold_check_module(&plugins, slashed, reterr);
    if (r == 0)
        scaffold_check_object(slashed);
    else
        scaffold_report_missing(slashed);
    plugins_fini(&plugins);
    return r;
}
