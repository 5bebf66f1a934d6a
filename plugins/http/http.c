/* http - serves HTTP/1.1 (RFC 9110, RFC 9112).
 *
 * SPDX-License-Identifier: MIT
 */
#include <errno.h>
#include <stdlib.h>

#include <goevd/hosting.h>
#include <goevd/metrics.h>

#include "http/exchange/api.h"
#include "http/exchange/exchange.h"
#include "http/h1/connection.h"
#include "http/log/access.h"

static void
http_destroy(void *instance)
{
    struct http *http = instance;

    if (http) {
        http_routes_fini(&http->routes);
        http_request_info_fini(http);
    }
    free(http);
}

static int
http_register(struct http *http)
{
    int r =
        goevd_metric_new(http->self, "handler_errors", "requests",
                         "that a handler has failed to answer as it should", GOEVD_METRIC_COUNTER);

    http->figures.handler_errors = r;
    return MIN(r, 0);
}

static int
http_create(struct goevd_self *self, const void *options, void **ret_instance)
{
    const struct http_options *o = options;
    struct http *http = calloc(1, sizeof(*http));
    int r;

    if (!http)
        return -ENOMEM;
    http->self = self;
    http->options = o;
    http->limits = (struct http_limits){
        .request_line_max = (uint32_t)o->request_line_max,
        .header_bytes_max = (uint32_t)o->header_bytes_max,
        .headers_max = (uint32_t)o->headers_max,
    };
    http->pipeline_max = (unsigned)o->pipeline_max;
    r = http_options_check(self, o);
    if (r == 0)
        r = http_gzip_check(self, "gzip", o->gzip);
    if (r == 0)
        r = http_register(http);
    if (r == 0)
        r = http_routes_init(&http->routes, self, o,
                             goevd_is_strict() ? http_strict_api() : &http_api);
    if (r == 0)
        r = http_request_info_init(http);
    if (r == 0)
        r = http_access_init(http);
    if (r < 0) {
        http_destroy(http);
        return r;
    }
    *ret_instance = http;
    return 0;
}

static void
http_poller_stop(void *instance, struct goevd_poller *poller, void *local)
{
    struct http_local *l = local;

    (void)instance, (void)poller;
    if (!l)
        return;
    http_exchange_free_all(l);
    http_access_local_fini(l);
    goevd_timer_free(l->kick);
    http_gzip_free(l->gzip);
    http_head_cache_fini(&l->head_cache);
    http_prerendered_set_fini(&l->prerendered);
    free(l->request);
    free(l->scratch);
    free(l);
}

static int
http_poller_start(void *instance, struct goevd_poller *poller, void **ret_local)
{
    struct http *http = instance;
    struct http_span server = {http->options->server.data, http->options->server.len};
    size_t fields = http->limits.headers_max * sizeof(struct http_field);
    struct http_local *l = calloc(1, sizeof(*l));
    int r = -ENOMEM;

    if (!l)
        return r;
    l->http = http;
    l->limits = http->limits;
    l->worker_requests = &http->worker_requests;
    l->poller = poller;
    l->handlers = http->routes.handlers.first;
    l->site = http->routes.sites;
    l->reply_guess = 1;
    l->kick = goevd_timer_new(poller, http_h1_conn_kick, l);
    l->request = calloc(1, sizeof(*l->request) + fields);
    l->scratch = malloc(http->limits.request_line_max);
    if (l->kick && l->request && l->scratch)
        r = http_prerendered_set_init(&l->prerendered, poller, &http->routes, server);
    if (r == 0)
        r = http_request_info_local_init(l);
    if (r == 0)
        http_head_cache_init(&l->head_cache, &l->prerendered);
    if (r == 0 && http->routes.handlers.compress) {
        l->gzip = http_gzip_new((unsigned)http->options->gzip_replies_max);
        r = !l->gzip ? -ENOMEM : 0;
    }
    if (r == 0)
        r = http_exchange_make(l);
    if (r < 0) {
        http_poller_stop(instance, poller, l);
        return r;
    }
    *ret_local = l;
    return 0;
}

static const void *
http_interface(const char *id)
{
    return strcmp(id, GOEVD_STREAM) == 0 ? &http_h1_conn_stream : NULL;
}

GOEVD_PLUGIN(.name = "http", .description = "serves HTTP/1.1", .options = &http_options_schema,
             .create = http_create, .destroy = http_destroy, .poller_start = http_poller_start,
             .poller_stop = http_poller_stop, .interface = http_interface);
