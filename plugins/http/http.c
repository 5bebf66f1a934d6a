/* http - serves HTTP/1.1 (RFC 9110, RFC 9112) and HTTP/2 (RFC 9113).
 *
 * SPDX-License-Identifier: MIT
 */
#include <errno.h>
#include <stdlib.h>

#include <goevd/hosting.h>
#include <goevd/metrics.h>

#include "http/connection.h"
#include "http/exchange/api.h"
#include "http/exchange/exchange.h"
#include "http/h1/h1.h"
#include "http/h1/quick.h"
#include "http/h2/h2.h"
#include "http/log/access.h"
#include "http/schema.h"

/* The function table of handlers: `reply` tries the quick path of HTTP/1.1 first. */
static const struct goevd_http *
http_handlers_api(void)
{
    static struct goevd_http table;

    table = http_api;
    table.reply = http_h1_quick_reply;
    return goevd_is_strict() ? http_strict_api(&table) : &table;
}

static void
http_destroy(void *instance)
{
    struct http *http = instance;

    if (http) {
        http_durations_fini(&http->durations);
        http_routes_fini(&http->routes);
        http_request_info_fini(&http->log);
    }
    free(http);
}

static int
http_register(struct http *http)
{
    static const struct goevd_metric handler_errors = {
        .name = "goevd_http_handler_errors_total",
        .help = "Requests whose handler failed to reply as it should.",
        .type = GOEVD_METRIC_COUNTER,
    };
    static const struct goevd_metric open = {
        .name = "goevd_http_requests_open",
        .help = "Requests that a handler has taken and not finished.",
        .type = GOEVD_METRIC_GAUGE,
    };
    int r = goevd_metric_new(http->self, &handler_errors, NULL);

    http->metrics.handler_errors = r;
    if (r >= 0)
        r = http->metrics.open = goevd_metric_new(http->self, &open, NULL);
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
    http->log = (struct http_log){.self = self, .options = o};
    http->limits = (struct http_limits){
        .request_line_max = (uint32_t)o->request_line_max,
        .header_bytes_max = (uint32_t)o->header_bytes_max,
        .headers_max = (uint32_t)o->headers_max,
    };
    http->pipeline_max = (unsigned)o->pipeline_max;
    r = http_options_check(self, o);
    if (r == 0 && o->http2->cleartext && !http_h2_is_built)
        r = goevd_refuse(self, "http2.cleartext",
                         "this goevd was built without HTTP/2; build it with the meson option "
                         "http2 enabled");
    if (r == 0)
        r = http_gzip_check(self, "gzip", o->gzip);
    if (r == 0)
        r = http_register(http);
    if (r == 0)
        r = http_routes_init(&http->routes, self, o, http_handlers_api());
    if (r == 0)
        r = http_durations_init(&http->durations, self, o->durations, http->routes.counts.routes,
                                http->routes.counts.route_count);
    if (r == 0)
        r = http_request_info_init(&http->log);
    if (r == 0)
        r = http_access_init(&http->log);
    if (r < 0) {
        http_destroy(http);
        return r;
    }
    if (http->log.informed)
        http->limits.flags |= HTTP_INFORMED;
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
    http_h1_local_fini(l);
    http_h2_local_fini(l);
    goevd_timer_free(l->kick);
    http_gzip_free(l->gzip);
    free(l);
}

/* Whether any connection may speak HTTP/2. */
static bool
http_uses_h2(const struct http *http)
{
    const struct http_options_http2 *o = http->options->http2;

    return http_h2_is_built && (o->cleartext || o->alpn);
}

static int
http_poller_start(void *instance, struct goevd_poller *poller, void **ret_local)
{
    struct http *http = instance;
    struct http_local *l = calloc(1, sizeof(*l));
    int r;

    if (!l)
        return -ENOMEM;
    l->http = http;
    l->poller = poller;
    l->place = goevd_poller_place(poller);
    l->log = (struct http_log_local){.log = &http->log, .poller = poller};
    l->durations = (struct http_durations_local){
        .of = http->options->durations ? &http->durations : NULL, .poller = poller};
    l->link_size = http_h1_link_size();
    l->kick = goevd_timer_new(poller, http_exchange_kick, l);
    r = l->kick ? http_request_info_local_init(&l->log) : -ENOMEM;
    if (r == 0 && http->routes.handlers.compress) {
        l->gzip = http_gzip_new((unsigned)http->options->gzip_replies_max);
        r = l->gzip ? 0 : -ENOMEM;
    }
    if (r == 0)
        r = http_counts_start(&http->routes.counts, poller, &l->counts, &l->methods);
    if (http_uses_h2(http))
        l->link_size = MAX(l->link_size, http_h2_link_size());
    if (r == 0)
        r = http_h1_local_init(l);
    if (r == 0 && http_uses_h2(http))
        r = http_h2_local_init(l);
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
    return strcmp(id, GOEVD_STREAM) == 0 ? &http_conn_stream : NULL;
}

GOEVD_PLUGIN(.name = "http", .description = "serves HTTP/1.1 and HTTP/2",
             .options = &http_options_schema, .create = http_create, .destroy = http_destroy,
             .poller_start = http_poller_start, .poller_stop = http_poller_stop,
             .interface = http_interface);
