/* The handlers that routes name: who is called for a request, one after the other. */
#pragma once

#include <goevd/hosting.h>
#include <goevd/http.h>

#include "http/message/util.h"
#include "http/route/header_edits.h"

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

/* One place in a route that names a handler. */
struct http_handler {
    struct goevd_hosted hosted[HTTP_CALLBACK_COUNT]; /* first: each request has its address */
    struct goevd_http_handler calls; /* the copy: what both sides know, the rest zero */
    const struct http_handler_chain *chain;
    struct goevd_plugin *plugin; /* NULL: this one's own */
    void *instance;
    uint32_t state_at; /* of its state in those of the chain */
    bool quick;        /* it wants nothing but requests: no state, no on_close */
};

/* The handler's callback begins, and ends: no other is within it. */
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

/* Whether a callback that returns 0, 1 as a write does, or a negative value has returned another.
 */
static hot bool
http_handler_result_wrong(int r)
{
    return r > 1;
}

/* Those of one route, in their order. */
struct http_handler_chain {
    struct http_span path;                /* of the route: the options' */
    size_t state_size;                    /* of all their states */
    struct http_header_edits edits;       /* of its replies */
    const struct http_options_gzip *gzip; /* NULL: they are not compressed */
    bool edited;                          /* they never go out just as handlers give them */
    size_t count;
    struct http_handler all[];
};

struct http_handlers {
    const struct goevd_http *api;      /* the functions that handlers get */
    const struct http_handler **first; /* of each chain */
    size_t count;
    size_t room;
    const struct http_options_gzip *gzip; /* of the chains that are added from now on; NULL: none */
    bool compress;                        /* some have it */
};

void http_handlers_fini(struct http_handlers *handlers);

/* Add the chain of a route.
 *
 * at       of this route in the options, as in "routes[2]".
 * list     of struct goevd_plugin *.
 * edits    taken over and set to none; where this fails, perhaps not.
 * Returns  its number; -EINVAL after goevd_refuse(); -ENOMEM.
 */
int http_handlers_add(struct http_handlers *handlers, struct goevd_self *self, const char *at,
                      struct goevd_str path, const struct goevd_list *list,
                      struct http_header_edits *edits);

/* The methods that handlers of that list answer on every route. */
uint16_t http_handlers_methods(const struct goevd_list *list);

/* The same as http_handlers_add() with those of them that answer one of `also`, and 405 behind them
 * that allows `methods`. */
int http_handlers_add_some(struct http_handlers *handlers, struct goevd_self *self, const char *at,
                           const struct http_options_route *route, uint16_t also, uint16_t methods,
                           struct http_header_edits *edits);

/* The same with a handler of this plugin's own. */
int http_handlers_add_own(struct http_handlers *handlers, struct goevd_str path,
                          const struct goevd_http_handler *calls, const void *instance,
                          struct http_header_edits *edits);
