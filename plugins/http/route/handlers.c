#include "http/route/handlers.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "http/route/match/methods.h"

#define HANDLERS_STATE_MAX 65536

void
http_handlers_fini(struct http_handlers *handlers)
{
    for (size_t i = 0; i < handlers->count; i++) {
        struct http_handler_chain *chain = (void *)(uintptr_t)handlers->first[i]->chain;

        http_header_edits_fini(&chain->edits);
        free(chain);
    }
    free(handlers->first);
    *handlers = (struct http_handlers){0};
}

/* Returns 0, or the result of goevd_refuse(). */
static int
http_handlers_check(struct goevd_self *self, const char *at, const struct goevd_http_handler *calls)
{
    if (calls->version.major != GOEVD_HTTP_ABI_MAJOR)
        return goevd_refuse(self, at,
                            "the handler was built for goevd/http.h %u.%u and this is %d.%d; "
                            "build it again, against this goevd's headers",
                            calls->version.major, calls->version.minor, GOEVD_HTTP_ABI_MAJOR,
                            GOEVD_HTTP_ABI_MINOR);
    if (calls->http_minor > GOEVD_HTTP_ABI_MINOR)
        return goevd_refuse(self, at,
                            "the handler needs goevd/http.h %d.%u or newer and this is %d.%d; "
                            "upgrade goevd",
                            GOEVD_HTTP_ABI_MAJOR, calls->http_minor, GOEVD_HTTP_ABI_MAJOR,
                            GOEVD_HTTP_ABI_MINOR);
    if (!calls->on_request || !calls->http)
        return goevd_refuse(self, at, "goevd_http_handler.%s of the handler is NULL; set it",
                            !calls->on_request ? "on_request" : "http");
    if (calls->request_size > HANDLERS_STATE_MAX)
        return goevd_refuse(self, at,
                            "goevd_http_handler.request_size of the handler is %u, and the "
                            "maximum is %d; allocate a larger state separately",
                            calls->request_size, HANDLERS_STATE_MAX);
    return 0;
}

/* owner NULL: the handler belongs to this plugin. */
static void
http_handlers_name(struct http_handler *h, const struct goevd_owner *owner)
{
    static const char *const names[] = {"on_request", "on_body", "on_drained", "on_timeout",
                                        "on_close"};

    static_assert(sizeof(names) / sizeof(names[0]) == HTTP_CALLBACK_COUNT, "one has no name");
    for (size_t i = 0; i < HTTP_CALLBACK_COUNT; i++)
        h->hosted[i] = (struct goevd_hosted){owner, names[i]};
}

static int
http_handlers_take(const struct http_handlers *handlers, struct http_handler *h,
                   struct goevd_self *self, const char *at, struct goevd_plugin *plugin)
{
    const struct goevd_http_handler *calls = goevd_plugin_interface(plugin, GOEVD_HTTP);
    int r;

    memcpy(&h->calls, calls, MIN(sizeof(h->calls), calls->version.size));
    r = http_handlers_check(self, at, &h->calls);
    if (r < 0)
        return r;
    h->plugin = plugin;
    h->instance = goevd_plugin_instance(plugin);
    http_handlers_name(h, goevd_plugin_owner(plugin));
    *h->calls.http = handlers->api;
    return 0;
}

/* Append a chain. `handlers` owns it from then on. */
static int
http_handlers_push(struct http_handlers *handlers, const struct http_handler_chain *chain)
{
    if (handlers->count == handlers->room) {
        size_t room = handlers->room == 0 ? 16 : handlers->room * 2;
        const struct http_handler **first = reallocarray(handlers->first, room, sizeof(*first));

        if (!first)
            return -ENOMEM;
        handlers->first = first;
        handlers->room = room;
    }
    handlers->first[handlers->count++] = chain->all;
    return 0;
}

static struct http_handler_chain *
http_handlers_chain_new(struct goevd_str path, size_t count)
{
    struct http_handler_chain *chain = calloc(1, sizeof(*chain) + count * sizeof(chain->all[0]));

    if (!chain)
        return NULL;
    chain->path = (struct http_span){path.data, path.len};
    chain->count = count;
    for (size_t i = 0; i < count; i++)
        chain->all[i].chain = chain;
    return chain;
}

/* Allocate a chain that `handlers` owns. NULL: out of memory. */
static struct http_handler_chain *
http_handlers_chain_add(struct http_handlers *handlers, struct goevd_str path, size_t count,
                        struct http_header_edits *edits)
{
    struct http_handler_chain *chain = http_handlers_chain_new(path, count);

    if (!chain || http_handlers_push(handlers, chain) < 0) {
        free(chain);
        return NULL;
    }
    chain->edits = *edits;
    *edits = (struct http_header_edits){0};
    chain->gzip = handlers->gzip;
    handlers->compress |= chain->gzip != NULL;
    return chain;
}

/* Finish a chain whose handlers are complete. Returns its number. */
static int
http_handlers_finish(const struct http_handlers *handlers, struct http_handler_chain *chain)
{
    for (size_t i = 0; i < chain->count; i++) {
        chain->all[i].state_at = (uint32_t)chain->state_size;
        chain->all[i].count_at = handlers->count_at;
        chain->state_size += ((size_t)chain->all[i].calls.request_size + 15) & ~(size_t)15;
    }
    chain->edited = chain->gzip || http_header_edits_any(&chain->edits);
    chain->all[0].quick = chain->state_size == 0 && !chain->all[0].calls.on_close &&
                          !chain->edited && !handlers->measured;
    return (int)handlers->count - 1;
}

int
http_handlers_add(struct http_handlers *handlers, struct goevd_self *self, const char *at,
                  struct goevd_str path, const struct goevd_list *list,
                  struct http_header_edits *edits)
{
    struct goevd_plugin *const *plugins = list->items;
    struct http_handler_chain *chain = http_handlers_chain_add(handlers, path, list->count, edits);
    char where[128];
    int r = !chain ? -ENOMEM : 0;

    for (size_t i = 0; r == 0 && i < list->count; i++) {
        snprintf(where, sizeof(where), "%s.handler[%zu]", at, i);
        r = http_handlers_take(handlers, &chain->all[i], self, where, plugins[i]);
    }
    return r < 0 ? r : http_handlers_finish(handlers, chain);
}

/* The methods that a handler answers on every route. */
static uint16_t
http_handlers_methods_of(struct goevd_plugin *plugin)
{
    const struct goevd_http_handler *calls = goevd_plugin_interface(plugin, GOEVD_HTTP);
    struct goevd_http_handler copy = {0};

    memcpy(&copy, calls, MIN(sizeof(copy), calls->version.size));
    return (uint16_t)(copy.methods & ((1U << HTTP_TRACE) - 1));
}

uint16_t
http_handlers_methods(const struct goevd_list *list)
{
    struct goevd_plugin *const *plugins = list->items;
    uint16_t methods = 0;

    for (size_t i = 0; i < list->count; i++)
        methods |= http_handlers_methods_of(plugins[i]);
    return methods;
}

static void
http_handlers_take_own(const struct http_handlers *handlers, struct http_handler *h,
                       const struct goevd_http_handler *calls, const void *instance)
{
    h->calls = *calls;
    h->instance = (void *)(uintptr_t)instance;
    http_handlers_name(h, NULL);
    *calls->http = handlers->api;
}

int
http_handlers_add_some(struct http_handlers *handlers, struct goevd_self *self, const char *at,
                       const struct http_options_route *route, uint16_t also, uint16_t methods,
                       struct http_header_edits *edits)
{
    struct goevd_plugin *const *plugins = route->handler.items;
    struct http_handler_chain *chain =
        http_handlers_chain_add(handlers, route->path, route->handler.count + 1, edits);
    char where[128];
    int r = !chain ? -ENOMEM : 0;

    if (chain)
        chain->count = 0;
    for (size_t i = 0; r == 0 && i < route->handler.count; i++) {
        snprintf(where, sizeof(where), "%s.handler[%zu]", at, i);
        if (http_handlers_methods_of(plugins[i]) & also)
            r = http_handlers_take(handlers, &chain->all[chain->count++], self, where, plugins[i]);
    }
    if (r < 0)
        return r;
    http_handlers_take_own(handlers, &chain->all[chain->count++], &http_methods_handler,
                           (const void *)(uintptr_t)methods);
    return http_handlers_finish(handlers, chain);
}

int
http_handlers_add_own(struct http_handlers *handlers, struct goevd_str path,
                      const struct goevd_http_handler *calls, const void *instance,
                      struct http_header_edits *edits)
{
    struct http_handler_chain *chain = http_handlers_chain_add(handlers, path, 1, edits);

    if (!chain)
        return -ENOMEM;
    http_handlers_take_own(handlers, &chain->all[0], calls, instance);
    return http_handlers_finish(handlers, chain);
}
