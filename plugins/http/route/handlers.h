/* The handlers that routes name: who is called for a request, one after the other. */
#pragma once

#include <goevd/http.h>

#include "http/message/util.h"
#include "http/route/header_edits.h"

struct http_handler_chain;

/* One place in a route that names a handler. */
struct http_handler {
    struct goevd_http_handler calls; /* the copy: what both sides know, the rest zero */
    const struct http_handler_chain *chain;
    struct goevd_plugin *plugin; /* NULL: this one's own */
    void *instance;
    uint32_t state_at; /* of its state in those of the chain */
    bool quick;        /* it wants nothing but requests: no state, no on_close */
};

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

/* The same with a handler of this plugin's own. */
int http_handlers_add_own(struct http_handlers *handlers, struct goevd_str path,
                          const struct goevd_http_handler *calls, const void *instance,
                          struct http_header_edits *edits);
