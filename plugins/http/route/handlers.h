/* The handlers that routes name. The handlers of a route form a chain, and are called one after the
 * other. */
#pragma once

#include <goevd/hosting.h>
#include <goevd/http.h>

#include "http/message/util.h"
#include "http/route/reply/header_edits.h"

struct http_handler_chain;

/* The callbacks of a handler, for crash reports. */
enum http_callback {
    HTTP_ON_REQUEST,
    HTTP_ON_BODY,
    HTTP_ON_DRAINED,
    HTTP_ON_TIMEOUT,
    HTTP_ON_CLOSE,
    HTTP_CALLBACK_COUNT
};

/* One handler in the chain of a route. */
struct http_handler {
    struct goevd_hosted hosted[HTTP_CALLBACK_COUNT]; /* first member, because each request stores
                                                      * its address */
    struct goevd_http_handler calls; /* copy of the handler's struct, zero beyond the members that
                                      * both sides know */
    const struct http_handler_chain *chain;
    struct goevd_plugin *plugin; /* NULL: the handler belongs to this plugin */
    void *instance;
    uint32_t state_at; /* offset of its state in the states of the chain */
    uint32_t count_at; /* place of the series of its route */
    bool quick;        /* the handler has neither state nor on_close, and nothing is measured */
};

/* Mark the begin and the end of a callback for crash reports. Callbacks do not nest. */
static hot void
http_handler_begin(struct goevd_place *place, const struct http_handler *h,
                   enum http_callback callback)
{
    (void)goevd_hosted_begin(place, &h->hosted[callback]);
}

static hot void
http_handler_end(struct goevd_place *place)
{
    goevd_hosted_end(place, NULL);
}

/* Whether a callback that may return 0, 1 as a write does, or a negative errno has returned another
 * value. */
static hot bool
http_handler_result_wrong(int r)
{
    return r > 1;
}

/* The handlers of one route, in their order. */
struct http_handler_chain {
    struct http_span path;                /* path of the route, owned by the options */
    size_t state_size;                    /* size of all states together */
    struct http_header_edits edits;       /* edits of reply headers */
    const struct http_options_gzip *gzip; /* NULL: no compression */
    bool edited;                          /* replies need header edits or compression, so the quick
                                           * path is closed */
    size_t count;
    struct http_handler all[];
};

struct http_handlers {
    const struct goevd_http *api;      /* function table of the handlers */
    const struct http_handler **first; /* the first handler of each chain */
    size_t count;
    size_t room;
    const struct http_options_gzip *gzip; /* for chains added from now on; NULL: no compression */
    unsigned count_at; /* place of the series that chains added from now on count in */
    bool compress;     /* some chain has compression */
    bool measured;     /* durations are measured for each route */
};

void http_handlers_fini(struct http_handlers *handlers);

/* Add the chain of a route.
 *
 * at       The route in the options, as in "routes[2]".
 * list     of struct goevd_plugin *.
 * edits    Taken over, and emptied. After an error they may still be the caller's.
 * Returns  The chain's number; -EINVAL after goevd_refuse(); -ENOMEM.
 */
int http_handlers_add(struct http_handlers *handlers, struct goevd_self *self, const char *at,
                      struct goevd_str path, const struct goevd_list *list,
                      struct http_header_edits *edits);

/* The methods that the handlers of a list answer on every route. */
uint16_t http_handlers_methods(const struct goevd_list *list);

/* http_handlers_add() with only those handlers that answer one of `also`, followed by a handler
 * that replies 405 and allows `methods`. */
int http_handlers_add_some(struct http_handlers *handlers, struct goevd_self *self, const char *at,
                           const struct http_options_route *route, uint16_t also, uint16_t methods,
                           struct http_header_edits *edits);

/* http_handlers_add() with a handler of this plugin. */
int http_handlers_add_own(struct http_handlers *handlers, struct goevd_str path,
                          const struct goevd_http_handler *calls, const void *instance,
                          struct http_header_edits *edits);
