/* The numbers that answer requests: of prerendered replies, and of chains of handlers. */
#pragma once

#include <goevd/plugin.h>

#include "http/message/verdict.h"
#include "http/options.h"
#include "http/route/counts.h"
#include "http/route/handlers.h"
#include "http/route/match/router.h"
#include "http/route/match/virtual_hosts.h"
#include "http/route/reply/replies.h"

/* Set in the number of a chain of handlers, clear in that of a reply. */
#define HTTP_ROUTES_HANDLER 0x8000U

/* Limit of the routes of all hosts together. */
#define HTTP_ROUTES_COUNT_MAX 16384

/* The routes of a virtual host, or of all other hosts. */
struct http_site {
    struct http_router router;
    unsigned absent; /* the number for a path without a route */
    unsigned slash;  /* the number for such a path that lacks only its last "/"; 0: none */
};

struct http_routes {
    struct http_site *sites; /* the first one is for requests without a known host */
    size_t site_count;
    struct http_virtual_hosts hosts; /* map names to indices of `sites` */
    struct http_handlers handlers;
    struct http_replies replies;
    struct http_counts counts;
};

void http_routes_fini(struct http_routes *routes);

/* api      Function table of the handlers.
 * Returns  0; -EINVAL after goevd_refuse(); -ENOMEM. Call http_routes_fini() also after an error.
 */
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

/* The site of a host, which is well-formed or empty. */
static inline const struct http_site *
http_routes_site(const struct http_routes *routes, struct http_span host)
{
    uint32_t number = routes->hosts.count == 0 ? HTTP_VIRTUAL_HOSTS_NONE
                                               : http_virtual_hosts_find(&routes->hosts, host);

    return &routes->sites[number == HTTP_VIRTUAL_HOSTS_NONE ? 0 : number];
}

/* The number for a path without a route. */
cold unsigned http_routes_find_absent(const struct http_site *site, const struct http_request *req);

/* The number for a request that has a valid head and a path. */
static inline unsigned
http_routes_find(const struct http_site *site, const struct http_request *req)
{
    const struct http_node *n = http_router_find(&site->router, req->path);

    return likely(n) ? n->answer[req->method] : http_routes_find_absent(site, req);
}
