/* Plugins that exist only on paper, for tests of the configuration.
 *
 *   echo   takes no options
 *   web    an option of every type, a one-of group, a plugin beneath
 *   stack  a list of plugins, a one-of group with a default
 */
#pragma once

#include <errno.h>
#include <string.h>

#include "conf/config.h"

struct fake_respond {
    int64_t status;
    struct goevd_list headers;
    struct goevd_str body;
};

struct fake_route {
    struct goevd_str path;
    struct goevd_list methods;
    const struct fake_respond *respond;
    struct goevd_str redirect;
    int64_t code;
    struct goevd_plugin *handler;
};

struct fake_web {
    struct goevd_str server;
    int64_t timeout_ns;
    int64_t rate;
    int64_t size;
    bool strict;
    int style;
    struct goevd_list routes;
    const struct fake_respond *missing;
};

struct fake_stack {
    struct goevd_list handlers; /* of struct goevd_plugin * */
    int64_t high;
    int64_t low;
};

static const struct goevd_option fake_text_options[] = {
    {.type = GOEVD_OPTION_STRING, .min = 1, .max = 8}, {0}};
static const struct goevd_schema fake_text = GOEVD_SCHEMA(struct goevd_str, fake_text_options);

#define FAKE_RESPOND(field) .offset = offsetof(struct fake_respond, field)
static const struct goevd_option fake_respond_options[] = {
    {.name = "status",
     .type = GOEVD_OPTION_INT,
     FAKE_RESPOND(status),
     .def = "200",
     .min = 100,
     .max = 599,
     .help = "The status."},
    {.name = "headers", .type = GOEVD_OPTION_MAP, FAKE_RESPOND(headers), .max = 3},
    {.name = "body", .type = GOEVD_OPTION_STRING, FAKE_RESPOND(body), .def = ""},
    {0},
};
static const struct goevd_schema fake_respond =
    GOEVD_SCHEMA(struct fake_respond, fake_respond_options);

#define FAKE_ROUTE(field) .offset = offsetof(struct fake_route, field)
static const struct goevd_option fake_route_options[] = {
    {.name = "path",
     .type = GOEVD_OPTION_STRING,
     FAKE_ROUTE(path),
     .flags = GOEVD_OPTION_REQUIRED,
     .min = 1,
     .max = 64},
    {.name = "methods",
     .type = GOEVD_OPTION_LIST,
     FAKE_ROUTE(methods),
     .def = "[GET, HEAD]",
     .min = 1,
     .max = 3,
     .item = &fake_text},
    {.name = "respond",
     .type = GOEVD_OPTION_RECORD,
     FAKE_ROUTE(respond),
     .flags = GOEVD_OPTION_REQUIRED,
     .one_of = 1,
     .item = &fake_respond},
    {.name = "redirect", .type = GOEVD_OPTION_STRING, FAKE_ROUTE(redirect), .one_of = 1},
    {.name = "code", .type = GOEVD_OPTION_INT, FAKE_ROUTE(code), .one_of = 1},
    {.name = "handler",
     .type = GOEVD_OPTION_PLUGIN,
     FAKE_ROUTE(handler),
     .one_of = 1,
     .interface_id = "goevd.http"},
    {0},
};
static const struct goevd_schema fake_route = GOEVD_SCHEMA(struct fake_route, fake_route_options);

static const char *const fake_styles[] = {"plain", "fancy", NULL};

#define FAKE_WEB(field) .offset = offsetof(struct fake_web, field)
static const struct goevd_option fake_web_options[] = {
    {.name = "server", .type = GOEVD_OPTION_STRING, FAKE_WEB(server), .def = "goevd"},
    {.name = "timeout",
     .type = GOEVD_OPTION_DURATION,
     FAKE_WEB(timeout_ns),
     .def = "10s",
     .min = 1000000000,
     .max = 60000000000,
     .flags = GOEVD_OPTION_RUNTIME},
    {.name = "rate", .type = GOEVD_OPTION_RATE, FAKE_WEB(rate)},
    {.name = "size",
     .type = GOEVD_OPTION_SIZE,
     FAKE_WEB(size),
     .def = "64KiB",
     .min = 4096,
     .max = 16777216},
    {.name = "strict", .type = GOEVD_OPTION_BOOL, FAKE_WEB(strict), .def = "yes"},
    {.name = "style",
     .type = GOEVD_OPTION_ENUM,
     FAKE_WEB(style),
     .def = "fancy",
     .choices = fake_styles},
    {.name = "routes", .type = GOEVD_OPTION_LIST, FAKE_WEB(routes), .item = &fake_route},
    {.name = "missing",
     .type = GOEVD_OPTION_RECORD,
     FAKE_WEB(missing),
     .def = "{status: 404, body: not here}",
     .item = &fake_respond},
    {0},
};
static const struct goevd_schema fake_web = GOEVD_SCHEMA(struct fake_web, fake_web_options);

static const struct goevd_option fake_plugin_options[] = {{.type = GOEVD_OPTION_PLUGIN}, {0}};
static const struct goevd_schema fake_plugin =
    GOEVD_SCHEMA(struct goevd_plugin *, fake_plugin_options);
#define FAKE_STACK(field) .offset = offsetof(struct fake_stack, field)
static const struct goevd_option fake_stack_options[] = {
    {.name = "handlers", .type = GOEVD_OPTION_LIST, FAKE_STACK(handlers), .item = &fake_plugin},
    {.name = "high", .type = GOEVD_OPTION_INT, FAKE_STACK(high), .one_of = 1, .def = "5"},
    {.name = "low", .type = GOEVD_OPTION_INT, FAKE_STACK(low), .one_of = 1},
    {0},
};
static const struct goevd_schema fake_stack = GOEVD_SCHEMA(struct fake_stack, fake_stack_options);

#define FAKE_PLACES_MAX 4096

struct fake {
    char places[FAKE_PLACES_MAX]; /* each place is the address of a byte */
    size_t loaded;
    char log[4096]; /* calls in their order */
    const void *options;
    const struct conf_node *node;
    struct goevd_str plugin_dir;
};

static inline void
fake_log(struct fake *fake, const char *what, const char *name)
{
    size_t len = strlen(fake->log);

    snprintf(fake->log + len, sizeof(fake->log) - len, "%s %s\n", what, name);
}

static inline int
fake_load(void *ctx, struct goevd_str name, const char *interface_id, const struct conf_node *where,
          void **ret_place, const struct goevd_schema **ret_schema, struct err *reterr)
{
    struct fake *fake = ctx;

    fake_log(fake, "load", name.data);
    if (strcmp(name.data, "echo") == 0)
        *ret_schema = NULL;
    else if (strcmp(name.data, "web") == 0)
        *ret_schema = &fake_web;
    else if (strcmp(name.data, "stack") == 0)
        *ret_schema = &fake_stack;
    else
        return err_set(reterr, -ENOENT, "there is no plugin %s", name.data);
    if (fake->loaded == FAKE_PLACES_MAX)
        return err_set(reterr, -ENOSPC, "too many plugins");
    *ret_place = &fake->places[fake->loaded++];
    return 0;
}

static inline struct goevd_plugin *
fake_made(void *ctx, void *place, const void *options, const struct conf_node *node,
          const char *path)
{
    struct fake *fake = ctx;

    fake_log(fake, "made", path);
    fake->options = options;
    fake->node = node;
    return place;
}

static inline void
fake_plugin_dir(void *ctx, struct goevd_str dir)
{
    struct fake *fake = ctx;

    fake->plugin_dir = dir;
}

static inline struct conf_resolver
fake_resolver(struct fake *fake)
{
    return (struct conf_resolver){
        .load = fake_load, .made = fake_made, .plugin_dir = fake_plugin_dir, .ctx = fake};
}
