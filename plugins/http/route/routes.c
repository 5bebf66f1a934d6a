#include "http/route/routes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "http/message/coding/gzip.h"
#include "http/message/uri/path.h"
#include "http/route/reply/redirect.h"
#include "http/route/reply/respond.h"

#define ROUTES_AT_MAX 128     /* limit of the option path of a route, and of a field of it */
#define ROUTES_SLASH_MAX 4096 /* limit of a path that is redirected to append "/" */
#define ROUTES_ALL_METHODS ((1U << HTTP_TRACE) - 1)

/* A list of routes in the options, and the header edits of its replies. */
struct http_routes_place {
    char at[48];
    const char *name; /* of the host; NULL: of none */
    const struct http_options_headers *all;
    const struct http_options_headers *host;
    const struct http_options_gzip *gzip;
};

void
http_routes_fini(struct http_routes *routes)
{
    for (size_t i = 0; i < routes->site_count; i++)
        http_router_fini(&routes->sites[i].router);
    free(routes->sites);
    http_virtual_hosts_fini(&routes->hosts);
    http_handlers_fini(&routes->handlers);
    http_replies_fini(&routes->replies);
    http_counts_fini(&routes->counts);
    *routes = (struct http_routes){0};
}

/* Check a path: "{name}" is a whole segment, and there is no other brace. */
static int
http_routes_check_braces(struct goevd_self *self, const char *at, const char *text)
{
    const char *p = text;

    while ((p = strpbrk(p, "{}")) != NULL) {
        size_t n = strspn(p + 1, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");

        if (*p != '{' || p[-1] != '/' || n == 0 || p[n + 1] != '}' ||
            (p[n + 2] != '/' && p[n + 2] != '\0'))
            return goevd_refuse(self, at,
                                "\"%s\": braces are permitted only in a whole segment {name}, with "
                                "letters, digits and \"_\" in the name",
                                text);
        if (memmem(text, (size_t)(p - text), p, n + 2))
            return goevd_refuse(self, at, "\"%s\" has %.*s twice; a name stands for one segment",
                                text, (int)n + 2, p);
        p += n + 2;
    }
    return 0;
}

static int
http_routes_check_path(struct goevd_self *self, const char *at, struct goevd_str path)
{
    const char *text = path.data;
    size_t len = path.len - (path.len > 1 && strcmp(text + path.len - 2, "/*") == 0);
    char normal[4096];

    if (text[0] != '/')
        return goevd_refuse(self, at, "\"%s\" does not begin with \"/\"", text);
    if (memchr(text, '*', len))
        return goevd_refuse(self, at, "\"%s\": \"*\" can only stand at the end, after a \"/\"",
                            text);
    if (strpbrk(text, "%?#"))
        return goevd_refuse(self, at,
                            "\"%s\": routes are matched after %%XX has been decoded and "
                            "without the query; write the characters themselves",
                            text);
    for (size_t i = 0; i < len; i++)
        if ((uint8_t)text[i] < ' ' || text[i] == 0x7f)
            return goevd_refuse(self, at, "\"%s\" has a control character", text);
    if (len > sizeof(normal) || http_path_normalise(text, len, normal) != (ssize_t)len)
        return goevd_refuse(self, at,
                            "\"%s\" can never match: requests lose \"//\", \"/./\" and "
                            "\"/../\" before they are routed",
                            text);
    return http_routes_check_braces(self, at, text);
}

static bool
http_routes_is_prefix(struct goevd_str path)
{
    return path.len > 1 && path.data[path.len - 1] == '*';
}

static uint16_t
routes_methods(const struct http_options_route *route)
{
    const int *items = route->methods.items;
    unsigned methods = 0;

    for (size_t i = 0; i < route->methods.count; i++)
        methods |= 1U << items[i];
    if (methods == 0)
        methods = route->handler.count != 0 ? ROUTES_ALL_METHODS : 1U << HTTP_GET | 1U << HTTP_HEAD;
    return (uint16_t)methods;
}

/* The number of a route's chain of handlers; edits may be taken over. */
static int
http_routes_push_handlers(struct http_routes *routes, struct goevd_self *self, const char *at,
                          const struct http_options_route *route, uint16_t also,
                          struct http_header_edits *edits)
{
    int r;

    if (also != 0) {
        r = http_handlers_add_some(&routes->handlers, self, at, route, also, routes_methods(route),
                                   edits);
    } else if (route->handler.count != 0) {
        r = http_handlers_add(&routes->handlers, self, at, route->path, &route->handler, edits);
    } else {
        r = http_redirect_check(self, at, route);
        if (r == 0)
            r = http_handlers_add_own(&routes->handlers, route->path, &http_redirect_handler,
                                      route->redirect, edits);
    }
    return r < 0 ? r : (int)(HTTP_ROUTES_HANDLER | (unsigned)r);
}

/* The number of a route's chain or reply; edits may be taken over. */
static int
http_routes_push_answer(struct http_routes *routes, struct goevd_self *self, const char *at,
                        const struct http_options_route *route, uint16_t also,
                        struct http_header_edits *edits)
{
    struct http_reply reply;
    int r;

    if (route->handler.count != 0 || (route->redirect && http_redirect_varies(route->redirect)))
        return http_routes_push_handlers(routes, self, at, route, also, edits);
    r = route->respond
            ? http_respond_build(self, at, route->respond, &routes->replies.error_pages, &reply)
            : http_redirect_build(self, at, route->redirect, &reply);
    if (r == 0 && http_header_edits_any(edits)) {
        r = http_replies_edit(&reply, self, at, edits);
        if (r < 0)
            free(reply.memory);
    }
    return r < 0 ? r : http_replies_push(&routes->replies, reply);
}

/* Let replies and chains that are added from now on count in these series. Returns 0, or `at` if
 * that is an error. */
static int
http_routes_count_as(struct http_routes *routes, int at)
{
    if (at < 0)
        return at;
    routes->replies.count_at = routes->handlers.count_at = (unsigned)at;
    return 0;
}

/* The number for a route. If `also` is not 0: only for handlers that answer those methods. */
static int
http_routes_answer(struct http_routes *routes, struct goevd_self *self, const char *at,
                   const struct http_routes_place *place, const struct http_options_route *route,
                   uint16_t also)
{
    const struct http_options_gzip *gzip;
    struct http_header_edits edits = {0};
    char where[ROUTES_AT_MAX + 16];
    int r;

    snprintf(where, sizeof(where), "%s.headers", at);
    r = http_header_edits_check(self, where, route->headers);
    if (r == 0 && route->headers && route->headers->always)
        r = goevd_refuse(self, where,
                         "always is for replies that no route has; leave it out, or set it in the "
                         "headers of http or of a host");
    if (r == 0)
        r = http_header_edits_add(&edits, place->all);
    if (r == 0)
        r = http_header_edits_add(&edits, place->host);
    if (r == 0)
        r = http_header_edits_add(&edits, route->headers);
    if (r == 0)
        r = http_header_edits_check_length(self, at, &edits);
    snprintf(where, sizeof(where), "%s.gzip", at);
    if (r == 0)
        r = http_gzip_check(self, where, route->gzip);
    gzip = route->gzip ? route->gzip : place->gzip;
    routes->handlers.gzip = gzip && gzip->level != 0 ? gzip : NULL;
    if (r == 0)
        r = http_routes_count_as(routes,
                                 http_counts_route(&routes->counts, place->name, route->path));
    if (r == 0)
        r = http_routes_push_answer(routes, self, at, route, also, &edits);
    (void)http_routes_count_as(routes, HTTP_COUNTS_NO_ROUTE);
    http_header_edits_fini(&edits);
    return r;
}

/* Add one route. */
static int
http_routes_add(struct http_routes *routes, struct goevd_self *self, struct http_site *site,
                const struct http_routes_place *place, size_t index,
                const struct http_options_route *route)
{
    bool prefix = http_routes_is_prefix(route->path);
    struct http_span path = {route->path.data, route->path.len - prefix};
    char at[ROUTES_AT_MAX];
    int answer;
    int r;

    snprintf(at, sizeof(at), "%s[%zu].path", place->at, index);
    r = http_routes_check_path(self, at, route->path);
    if (r < 0)
        return r;
    snprintf(at, sizeof(at), "%s[%zu]", place->at, index);
    answer = http_routes_answer(routes, self, at, place, route, 0);
    if (answer < 0)
        return answer;
    r = http_router_add(&site->router, path, prefix, routes_methods(route), (uint16_t)answer);
    if (r != -EEXIST)
        return r;
    snprintf(at, sizeof(at), "%s[%zu].path", place->at, index);
    return goevd_refuse(self, at,
                        "an earlier route answers \"%s\" for the same method; remove one of them "
                        "or give them different methods",
                        route->path.data);
}

/* Let the handlers of a route answer their methods for every route, unless another route does. */
static int
http_routes_add_also(struct http_routes *routes, struct goevd_self *self, struct http_site *site,
                     const struct http_routes_place *place, size_t index,
                     const struct http_options_route *route)
{
    bool prefix = http_routes_is_prefix(route->path);
    struct http_span path = {route->path.data, route->path.len - prefix};
    unsigned also = http_handlers_methods(&route->handler) & ~(unsigned)routes_methods(route);
    char at[ROUTES_AT_MAX];
    int answer, r = 0;

    if (also == 0)
        return 0;
    snprintf(at, sizeof(at), "%s[%zu]", place->at, index);
    answer = http_routes_answer(routes, self, at, place, route, (uint16_t)also);
    if (answer < 0)
        return answer;
    for (unsigned m = 0; m < HTTP_TRACE && (r == 0 || r == -EEXIST); m++)
        if (also & 1U << m)
            r = http_router_add(&site->router, path, prefix, (uint16_t)(1U << m), (uint16_t)answer);
    return r == -EEXIST ? 0 : r;
}

/* Add the number that redirects paths lacking only their last "/". */
static int
http_routes_add_slash(struct http_routes *routes, struct http_site *site,
                      const struct http_routes_place *place)
{
    static const char path[] = "/*";
    struct http_header_edits edits = {0};
    int r = http_header_edits_add_always(&edits, place->all, place->host);

    routes->handlers.gzip = NULL;
    if (r == 0)
        r = http_handlers_add_own(&routes->handlers, (struct goevd_str){path, strlen(path)},
                                  &http_redirect_slash_handler, NULL, &edits);
    http_header_edits_fini(&edits);
    if (r >= 0)
        site->slash = HTTP_ROUTES_HANDLER | (unsigned)r;
    return r;
}

/* Whether appending "/" to a path could make it match a route. */
static bool
http_routes_have_prefix(const struct goevd_list *list)
{
    const struct http_options_route *items = list->items;

    for (size_t i = 0; i < list->count; i++)
        if (items[i].path.len > 2 && http_routes_is_prefix(items[i].path))
            return true;
    return false;
}

unsigned
http_routes_find_absent(const struct http_site *site, const struct http_request *req)
{
    char path[ROUTES_SLASH_MAX];
    struct http_span longer = {path, req->path.len + 1};
    const struct http_node *n;

    if (site->slash == 0 || longer.len > sizeof(path))
        return site->absent;
    memcpy(path, req->path.data, req->path.len);
    path[req->path.len] = '/';
    n = http_router_find(&site->router, longer);
    if (!n || !http_router_is_bare(n, longer))
        return site->absent;
    return (n->methods & 1U << req->method) ? site->slash : n->answer[req->method];
}

static int
http_routes_add_all(struct http_routes *routes, struct goevd_self *self, struct http_site *site,
                    const struct http_routes_place *place, const struct goevd_list *list)
{
    const struct http_options_route *items = list->items;
    int r = http_replies_set_always(&routes->replies, self, place->all, place->host);

    site->absent = HTTP_REPLIES_NOT_FOUND;
    if (r >= 0 && place->host && place->host->always) {
        r = http_replies_push_absent(&routes->replies);
        site->absent = (unsigned)r;
    }
    for (size_t i = 0; r >= 0 && i < list->count; i++)
        r = http_routes_add(routes, self, site, place, i, &items[i]);
    for (size_t i = 0; r >= 0 && i < list->count; i++)
        r = http_routes_add_also(routes, self, site, place, i, &items[i]);
    if (r >= 0 && http_routes_have_prefix(list))
        r = http_routes_add_slash(routes, site, place);
    return r < 0 ? r : http_router_seal(&site->router, http_replies_refuse, &routes->replies);
}

static int
http_routes_add_name(struct http_routes *routes, struct goevd_self *self, const char *at,
                     struct goevd_str name, uint32_t site)
{
    int r = http_virtual_hosts_add(&routes->hosts, (struct http_span){name.data, name.len}, site);

    if (r == -EEXIST)
        return goevd_refuse(self, at, "an earlier host has the name \"%s\" too; remove one of them",
                            name.data);
    if (r == -EINVAL)
        return goevd_refuse(self, at,
                            "\"%s\" is no name of a host: write it as in a URL, without a port, or "
                            "with \"*.\" before it",
                            name.data);
    return r;
}

static int
http_routes_add_host(struct http_routes *routes, struct goevd_self *self,
                     const struct http_options *o, size_t index)
{
    const struct http_options_host *host = (const struct http_options_host *)o->hosts.items + index;
    struct http_routes_place place = {
        .all = o->headers, .host = host->headers, .gzip = host->gzip ? host->gzip : o->gzip};
    const struct goevd_str *names = host->names.items;
    uint32_t site = (uint32_t)index + 1;
    char at[ROUTES_AT_MAX];
    int r = 0;

    for (size_t i = 0; r >= 0 && i < host->names.count; i++) {
        snprintf(at, sizeof(at), "hosts[%zu].names[%zu]", index, i);
        r = http_routes_add_name(routes, self, at, names[i], site);
    }
    snprintf(at, sizeof(at), "hosts[%zu].headers", index);
    if (r >= 0)
        r = http_header_edits_check(self, at, host->headers);
    snprintf(at, sizeof(at), "hosts[%zu].gzip", index);
    if (r >= 0)
        r = http_gzip_check(self, at, host->gzip);
    if (r < 0)
        return r;
    snprintf(place.at, sizeof(place.at), "hosts[%zu].routes", index);
    place.name = names[0].data;
    return http_routes_add_all(routes, self, &routes->sites[site], &place, &host->routes);
}

static unsigned
http_routes_list_methods(const struct goevd_list *list)
{
    const struct http_options_route *items = list->items;
    unsigned methods = 0;

    for (size_t i = 0; i < list->count; i++)
        methods |= routes_methods(&items[i]);
    return methods;
}

static uint16_t
http_routes_all_methods(const struct http_options *o)
{
    const struct http_options_host *hosts = o->hosts.items;
    unsigned methods = 1U << HTTP_OPTIONS | http_routes_list_methods(&o->routes);

    for (size_t i = 0; i < o->hosts.count; i++)
        methods |= http_routes_list_methods(&hosts[i].routes);
    if (methods & 1U << HTTP_GET)
        methods |= 1U << HTTP_HEAD;
    return (uint16_t)methods;
}

/* Initialize all sites, and number them. */
static int
http_routes_check_count(struct goevd_self *self, const struct http_options *o)
{
    const struct http_options_host *hosts = o->hosts.items;
    size_t count = o->routes.count;

    for (size_t i = 0; i < o->hosts.count; i++)
        count += hosts[i].routes.count;
    if (count <= HTTP_ROUTES_COUNT_MAX)
        return 0;
    return goevd_refuse(self, "hosts", "there are %zu routes in all and %d are the most", count,
                        HTTP_ROUTES_COUNT_MAX);
}

int
http_routes_init(struct http_routes *routes, struct goevd_self *self, const struct http_options *o,
                 const struct goevd_http *api)
{
    const struct http_routes_place place = {.at = "routes", .all = o->headers, .gzip = o->gzip};
    int r;

    *routes = (struct http_routes){.sites = calloc(1 + o->hosts.count, sizeof(*routes->sites))};
    if (!routes->sites)
        return -ENOMEM;
    routes->site_count = 1 + o->hosts.count;
    routes->handlers.api = api;
    routes->handlers.measured = o->durations && o->durations->routes;
    r = http_routes_check_count(self, o);
    if (r >= 0)
        r = http_counts_init(&routes->counts, self);
    if (r >= 0)
        r = http_error_pages_init(&routes->replies.error_pages, self, o);
    if (r >= 0)
        r = http_header_edits_check(self, "headers", o->headers);
    if (r >= 0)
        r = http_replies_set_always(&routes->replies, self, o->headers, NULL);
    if (r >= 0)
        r = http_replies_push_fixed(&routes->replies, http_routes_all_methods(o));
    if (r >= 0)
        r = http_routes_add_all(routes, self, &routes->sites[0], &place, &o->routes);
    /* RFC 9110 section 7.4: without general routes, requests for other hosts are refused */
    if (o->hosts.count != 0 && o->routes.count == 0)
        routes->sites[0].absent = HTTP_REPLIES_MISDIRECTED;
    for (size_t i = 0; r >= 0 && i < o->hosts.count; i++)
        r = http_routes_add_host(routes, self, o, i);
    return MIN(r, 0);
}
