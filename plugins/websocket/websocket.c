/* websocket - speaks WebSocket (RFC 6455, RFC 7692) for applications.
 *
 * SPDX-License-Identifier: MIT
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <goevd/hosting.h>
#include <goevd/http.h>

#include "websocket/api.h"
#include "websocket/compress.h"
#include "websocket/conn.h"
#include "websocket/metrics.h"
#include "websocket/receive.h"
#include "websocket/rooms/rooms.h"

#define APP_STATE_MAX 65536
#define SCRATCH_FIRST 65536 /* usual size of a read */

GOEVD_HTTP_TABLE;

/* ---- The handshake --------------------------------------------------------------------------- */

static int
ws_handshake_refuse(struct goevd_http_request *r, int status)
{
    return status == 405 ? goevd_http_refuse_method(r, "GET")
                         : goevd_http_reply(r, status, NULL, NULL, 0);
}

static int
ws_handshake_ask_upgrade(struct goevd_http_request *r)
{
    int result = goevd_http_add_header(r, "Sec-WebSocket-Version", "13");

    return result < 0 ? result : goevd_http_upgrade_required(r, "websocket");
}

static int
ws_handshake_extend(struct goevd_http_request *r, const struct ws_deflate_terms *terms)
{
    char answer[WS_EXTENSIONS_ANSWER_MAX];
    size_t len = ws_extensions_answer(terms, answer);

    return goevd_http_add_header_bytes(r, "Sec-WebSocket-Extensions", answer, len);
}

static int
ws_handshake_agree(struct goevd_http_request *r, const struct ws_handshake *h,
                   const struct ws_conn_begin *begin)
{
    char accept[WS_HANDSHAKE_ACCEPT_LEN];
    int result;

    ws_handshake_accept(h, accept);
    result = goevd_http_add_header_bytes(r, "Sec-WebSocket-Accept", accept, sizeof(accept));
    if (result == 0 && h->protocol.data)
        result = goevd_http_add_header_bytes(r, "Sec-WebSocket-Protocol", h->protocol.data,
                                             h->protocol.len);
    if (result == 0 && begin->terms.server_bits != 0)
        result = ws_handshake_extend(r, &begin->terms);
    return result < 0 ? result : goevd_http_upgrade(r, "websocket", NULL, begin, sizeof(*begin));
}

/* Call the application's on_request. Returns 0; a status that refuses the handshake; negative.
 * *ret_refused: the application has sent its own reply. */
static int
ws_handshake_ask(struct goevd_http_request *r, struct ws_handshake *h, struct ws_conn_begin *begin,
                 bool *ret_refused)
{
    const struct ws_instance *ws = goevd_http_instance(r);
    struct goevd_websocket_request request = {WS_REQUEST_MAGIC, r, h, false};
    const struct ws_local *l = goevd_http_local(r);
    const struct goevd_hosted *outer;
    int result = ws_conn_begin_state(ws, begin);

    if (result < 0 || !ws->app.on_request)
        return result;
    outer = goevd_hosted_begin(l->place, &ws->hosted[WS_ON_REQUEST]);
    result = ws->app.on_request(&request, begin->app_state);
    if (result > 0 && (result < WS_REFUSAL_MIN || result > WS_REFUSAL_MAX)) {
        goevd_wrong_result(result, "0, a status from 300 to 599, or a negative errno");
        result = -EINVAL;
    }
    goevd_hosted_end(l->place, outer);
    *ret_refused = request.refused;
    *(volatile uint32_t *)&request.magic = 0;
    return result;
}

static int
ws_handshake_request(struct goevd_http_request *r, void *state)
{
    struct ws_instance *ws = goevd_http_instance(r);
    struct ws_conn_begin *begin = state;
    struct goevd_str name, value;
    struct ws_handshake h = {0};
    bool refused = false;
    int status;

    if (goevd_http_method(r) != GOEVD_HTTP_GET)
        return ws_handshake_refuse(r, 405);
    if (!goevd_http_wants_upgrade(r, "websocket"))
        return ws_handshake_ask_upgrade(r);
    for (size_t i = 0; goevd_http_header_at(r, i, &name, &value); i++)
        ws_handshake_take(&h, &ws->policy, name, value);
    status = goevd_http_length(r) != 0 ? 400 : ws_handshake_status(&h, &ws->policy);
    if (status == 426)
        return ws_handshake_ask_upgrade(r);
    if (status != 0)
        return ws_handshake_refuse(r, status);
    status = ws_handshake_ask(r, &h, begin, &refused);
    if (refused)
        return 0;
    if (status != 0)
        return status < 0 ? status : goevd_http_reply(r, status, NULL, NULL, 0);
    begin->terms = h.deflate;
    ws_compress_reserve(ws, &begin->terms);
    return ws_handshake_agree(r, &h, begin);
}

static void
ws_handshake_close(struct goevd_http_request *r, void *state, enum goevd_http_reason reason)
{
    struct ws_conn_begin *begin = state;

    if (reason == GOEVD_HTTP_REASON_UPGRADED)
        return;
    ws_compress_release(goevd_http_instance(r), &begin->terms);
    free(begin->app_state);
}

static const struct goevd_http_handler handshake_handler = {
    .version = GOEVD_HTTP_VERSION_OF(struct goevd_http_handler),
    .http = &goevd_http,
    .request_size = sizeof(struct ws_conn_begin),
    .on_request = ws_handshake_request,
    .on_close = ws_handshake_close,
};

/* ---- The life of an instance ----------------------------------------------------------------- */

static struct ws_deflate_policy
ws_options_deflate(const struct ws_options *o)
{
    if (o->compress_level == 0)
        return (struct ws_deflate_policy){0};
    return (struct ws_deflate_policy){(uint8_t)o->compress_server_bits,
                                      (uint8_t)o->compress_client_bits, !o->compress_context};
}

/* Returns 0, or the result of goevd_refuse(). */
static int
ws_check_app(struct goevd_self *self, const struct goevd_websocket_app *app)
{
    const char *at = "application";

    if (app->version.major != GOEVD_WEBSOCKET_ABI_MAJOR)
        return goevd_refuse(self, at,
                            "the application was built for goevd/websocket.h %u.%u and this is "
                            "%d.%d; build it again, against this goevd's headers",
                            app->version.major, app->version.minor, GOEVD_WEBSOCKET_ABI_MAJOR,
                            GOEVD_WEBSOCKET_ABI_MINOR);
    if (app->websocket_minor > GOEVD_WEBSOCKET_ABI_MINOR)
        return goevd_refuse(self, at,
                            "the application needs goevd/websocket.h %d.%u or newer and this is "
                            "%d.%d; upgrade goevd",
                            GOEVD_WEBSOCKET_ABI_MAJOR, app->websocket_minor,
                            GOEVD_WEBSOCKET_ABI_MAJOR, GOEVD_WEBSOCKET_ABI_MINOR);
    if ((!app->on_message && !app->on_fragment) || !app->websocket)
        return goevd_refuse(self, at, "goevd_websocket_app.%s of the application is NULL; set it",
                            app->websocket ? "on_message" : "websocket");
    if (app->conn_size > APP_STATE_MAX)
        return goevd_refuse(self, at,
                            "goevd_websocket_app.conn_size of the application is %u, and the "
                            "maximum is %d; allocate a larger state separately",
                            app->conn_size, APP_STATE_MAX);
    return 0;
}

static bool
ws_str_is(struct goevd_str s, const char *text)
{
    return s.len == strlen(text) && memcmp(s.data, text, s.len) == 0;
}

/* Returns 0, or the result of goevd_refuse(). */
static int
ws_check_origins(struct ws_instance *ws)
{
    struct goevd_list *list = &ws->policy.origins;
    const struct goevd_str *origins = list->items;
    bool any = false;
    char at[32];

    for (size_t i = 0; i < list->count; i++) {
        snprintf(at, sizeof(at), "origins[%zu]", i);
        if (ws_str_is(origins[i], WS_ORIGIN_ANY))
            any = true;
        else if (ws_str_is(origins[i], WS_ORIGIN_SAME))
            ws->policy.same_origin = true;
        else if (!goevd_http_origin_valid(origins[i].data))
            return goevd_refuse(ws->self, at,
                                "\"%s\" is no origin: write it as in https://example.org, in small "
                                "letters, without a path",
                                origins[i].data);
    }
    if (any && list->count != 1)
        return goevd_refuse(ws->self, "origins", "\"*\" is all origins; leave the others out");
    if (any)
        list->count = 0;
    return 0;
}

static void
ws_name_callbacks(struct ws_instance *ws)
{
    static const char *const names[] = {"on_request", "on_open",  "on_message", "on_fragment",
                                        "on_drained", "on_close", "call",       "done of a post"};
    const struct goevd_owner *owner = goevd_plugin_owner(ws->options->application);

    static_assert(sizeof(names) / sizeof(names[0]) == WS_CALLBACK_COUNT, "one has no name");
    for (size_t i = 0; i < WS_CALLBACK_COUNT; i++)
        ws->hosted[i] = (struct goevd_hosted){owner, names[i]};
}

/* Returns 0, or the result of goevd_refuse(). */
static int
ws_give_host(struct ws_instance *ws)
{
    int r;

    if (!ws->app.on_host)
        return 0;
    r = ws->app.on_host(goevd_plugin_instance(ws->options->application),
                        (struct goevd_websocket_host *)ws);
    if (r > 0)
        return goevd_refuse(ws->self, "application",
                            "on_host of the application has returned %d; it returns 0 or a "
                            "negative errno",
                            r);
    return r;
}

static int
ws_create(struct goevd_self *self, const void *options, void **ret_instance)
{
    const struct ws_options *o = options;
    const struct goevd_websocket_app *app = goevd_plugin_interface(o->application, GOEVD_WEBSOCKET);
    struct ws_instance *ws = calloc(1, sizeof(*ws));
    size_t size = app->version.size;
    int r;

    if (!ws)
        return -ENOMEM;
    ws->self = self;
    ws->options = o;
    ws->policy = (struct ws_handshake_policy){
        .origins = o->origins, .protocols = o->protocols, .deflate = ws_options_deflate(o)};
    memcpy(&ws->app, app, size < sizeof(ws->app) ? size : sizeof(ws->app));
    r = ws_check_app(self, &ws->app);
    if (r == 0)
        r = ws_check_origins(ws);
    if (ws->app.on_fragment)
        ws->app.on_message = NULL; /* a NULL on_message is replaced, so that it is not tested for
                                    * each message */
    ws_name_callbacks(ws);
    if (r == 0)
        r = ws_metrics_new(ws);
    if (r == 0)
        *ws->app.websocket = goevd_is_strict() ? ws_strict_table() : &ws_api_table;
    if (r == 0)
        r = ws_give_host(ws);
    if (r < 0) {
        free(ws);
        return r;
    }
    *ret_instance = ws;
    return 0;
}

static void
ws_poller_stop(void *instance, struct goevd_poller *poller, void *local)
{
    struct ws_local *l = local;

    (void)instance, (void)poller;
    if (!l)
        return;
    free(l->scratch);
    free(l->spare);
    ws_rooms_free(l->rooms);
    ws_packer_fini(&l->packer);
    ws_inflater_free(l->inflater);
    free(l);
}

static int
ws_poller_start(void *instance, struct goevd_poller *poller, void **ret_local)
{
    const struct ws_instance *ws = instance;
    struct ws_local *l = calloc(1, sizeof(*l));

    if (!l)
        return -ENOMEM;
    l->place = goevd_poller_place(poller);
    l->received = goevd_metric_share(ws->self, poller, ws->metrics.received);
    l->packer.level = (int)ws->options->compress_level;
    l->scratch_room = SCRATCH_FIRST;
    l->scratch = malloc(l->scratch_room);
    l->rooms = ws_rooms_new();
    if (!l->scratch || !l->rooms) {
        ws_poller_stop(instance, poller, l);
        return -ENOMEM;
    }
    *ret_local = l;
    return 0;
}

static const void *
ws_interface(const char *id)
{
    if (strcmp(id, GOEVD_HTTP) == 0)
        return &handshake_handler;
    return strcmp(id, GOEVD_STREAM) == 0 ? &ws_conn_stream : NULL;
}

GOEVD_PLUGIN(.name = "websocket", .description = "speaks WebSocket (RFC 6455) for applications",
             .options = &ws_options_schema, .create = ws_create, .release = free,
             .poller_start = ws_poller_start, .poller_stop = ws_poller_stop,
             .interface = ws_interface);
