/* All that can answer a request, by number: the replies of routes, those for errors, and handlers.
 */
#pragma once

#include <goevd/plugin.h>

#include "http/message/verdict.h"
#include "http/options.h"
#include "http/route/handlers.h"
#include "http/route/replies.h"
#include "http/route/router.h"
#include "http/route/virtual_hosts.h"

/* Numbers of chains of handlers have this bit; those of replies have not. */
#define HTTP_ROUTES_HANDLER 0x8000U

/* Routes of all hosts together. */
#define HTTP_ROUTES_COUNT_MAX 16384

/* What is served under some names. */
struct http_site {
    struct http_router router;
    unsigned absent; /* the number for a path that no route has */
    unsigned slash;  /* ... with a "/" behind it; 0: no route is of that kind */
};

struct http_routes {
    struct http_site *sites; /* the first is for hosts that have no name */
    size_t site_count;
    struct http_virtual_hosts hosts; /* numbers are places in `sites` */
    struct http_handlers handlers;
    struct http_replies replies;
};

void http_routes_fini(struct http_routes *routes);

/* api      what handlers call.
 * Returns  0; -EINVAL after goevd_refuse(); -ENOMEM. After an error http_routes_fini() is still
 *          due. */
int http_routes_init(struct http_routes *routes, struct goevd_self *self,
                     const struct http_options *options, const struct goevd_http *api);

static inline bool
http_routes_is_handler(unsigned number)
{
    return number >= HTTP_ROUTES_HANDLER;
}

static inline unsigned
http_routes_handler(unsigned number)
{
    return number - HTTP_ROUTES_HANDLER;
}

/* What is served under a host that is well-formed or empty. */
static inline const struct http_site *
http_routes_site(const struct http_routes *routes, struct http_span host)
{
    uint32_t number = routes->hosts.count == 0 ? HTTP_VIRTUAL_HOSTS_NONE
                                               : http_virtual_hosts_find(&routes->hosts, host);

    return &routes->sites[number == HTTP_VIRTUAL_HOSTS_NONE ? 0 : number];
}

/* The number for a path that no route has. */
cold unsigned http_routes_find_absent(const struct http_site *site, const struct http_request *req);

/* The number of what answers a request whose head is good and has a path. */
static inline unsigned
http_routes_find(const struct http_site *site, const struct http_request *req)
{
    const struct http_node *n = http_router_find(&site->router, req->path);

    return likely(n) ? n->answer[req->method] : http_routes_find_absent(site, req);
}
