/* websocket - speaks WebSocket (RFC 6455, RFC 7692) for applications.
 *
 * SPDX-License-Identifier: MIT
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <goevd/http.h>

#include "websocket/compress.h"
#include "websocket/conn.h"
#include "websocket/frame.h"

#define APP_STATE_MAX 65536
#define REASON_MAX (FRAME_CONTROL_MAX - 2)
#define SCRATCH_FIRST 65536 /* what a read brings, as a rule */

GOEVD_HTTP_TABLE;

struct goevd_websocket_request {
    struct goevd_http_request *http;
    struct handshake *handshake;
};

/* ---- The handshake --------------------------------------------------------------------------- */

static int
handshake_refuse(struct goevd_http_request *r, int status)
{
    static const char *const words[] = {
        [0] = "Bad Request\n", [3] = "Forbidden\n", [5] = "Method Not Allowed\n"};
    const char *text = words[status - 400];
    int result = 0;

    if (status == 405)
        result = goevd_http_add_header(r, "Allow", "GET");
    return result < 0
               ? result
               : goevd_http_reply(r, status, "text/plain; charset=utf-8", text, strlen(text));
}

static int
handshake_ask_upgrade(struct goevd_http_request *r)
{
    int result = goevd_http_add_header(r, "Sec-WebSocket-Version", "13");

    return result < 0 ? result : goevd_http_upgrade_required(r, "websocket");
}

static int
handshake_extend(struct goevd_http_request *r, const struct deflate_terms *terms)
{
    char answer[EXTENSIONS_ANSWER_MAX];
    size_t len = extensions_answer(terms, answer);

    return goevd_http_add_header_bytes(r, "Sec-WebSocket-Extensions", answer, len);
}

static int
handshake_agree(struct goevd_http_request *r, const struct handshake *h,
                const struct conn_begin *begin)
{
    char accept[HANDSHAKE_ACCEPT_LEN];
    int result;

    handshake_accept(h, accept);
    result = goevd_http_add_header_bytes(r, "Sec-WebSocket-Accept", accept, sizeof(accept));
    if (result == 0 && h->protocol.data != NULL)
        result = goevd_http_add_header_bytes(r, "Sec-WebSocket-Protocol", h->protocol.data,
                                             h->protocol.len);
    if (result == 0 && begin->terms.server_bits != 0)
        result = handshake_extend(r, &begin->terms);
    return result < 0 ? result : goevd_http_upgrade(r, "websocket", NULL, begin, sizeof(*begin));
}

/* Ask the application. Returns 0; its status; negative. */
static int
handshake_ask(struct goevd_http_request *r, struct handshake *h, struct conn_begin *begin)
{
    const struct websocket *ws = goevd_http_instance(r);
    struct goevd_websocket_request request = {r, h};
    int result = conn_begin_state(ws, begin);

    if (result == 0 && ws->app.on_request != NULL)
        result = ws->app.on_request(&request, begin->app_state);
    return result > 0 && (result < 400 || result > 599) ? -EINVAL : result;
}

static int
handshake_request(struct goevd_http_request *r, void *state)
{
    struct websocket *ws = goevd_http_instance(r);
    struct conn_begin *begin = state;
    struct goevd_str name, value;
    struct handshake h = {0};
    int status;

    if (goevd_http_method(r) != GOEVD_HTTP_GET)
        return handshake_refuse(r, 405);
    if (!goevd_http_wants_upgrade(r, "websocket"))
        return handshake_ask_upgrade(r);
    for (size_t i = 0; goevd_http_header_at(r, i, &name, &value); i++)
        handshake_take(&h, &ws->policy, name, value);
    status = goevd_http_length(r) != 0 ? 400 : handshake_status(&h, &ws->policy);
    if (status == 426)
        return handshake_ask_upgrade(r);
    if (status != 0)
        return handshake_refuse(r, status);
    status = handshake_ask(r, &h, begin);
    if (status != 0)
        return status < 0 ? status : goevd_http_reply(r, status, NULL, NULL, 0);
    begin->terms = h.deflate;
    compress_reserve(ws, &begin->terms);
    return handshake_agree(r, &h, begin);
}

static void
handshake_close(struct goevd_http_request *r, void *state, enum goevd_http_reason reason)
{
    struct conn_begin *begin = state;

    if (reason == GOEVD_HTTP_REASON_UPGRADED)
        return;
    compress_release(goevd_http_instance(r), &begin->terms);
    free(begin->app_state);
}

static const struct goevd_http_handler handshake_handler = {
    .version = GOEVD_HTTP_VERSION_OF(struct goevd_http_handler),
    .http = &goevd_http,
    .request_size = sizeof(struct conn_begin),
    .on_request = handshake_request,
    .on_close = handshake_close,
};

/* ---- What applications call in a handshake --------------------------------------------------- */

static void *
table_request_instance(const struct goevd_websocket_request *q)
{
    const struct websocket *ws = goevd_http_instance(q->http);

    return goevd_plugin_instance(ws->options->application);
}

static struct goevd_str
table_request_path(const struct goevd_websocket_request *q)
{
    return goevd_http_path(q->http);
}

static struct goevd_str
table_request_query(const struct goevd_websocket_request *q)
{
    return goevd_http_query(q->http);
}

static struct goevd_str
table_request_param(const struct goevd_websocket_request *q, const char *name)
{
    return goevd_http_param(q->http, name);
}

static bool
table_request_header_at(const struct goevd_websocket_request *q, size_t index,
                        struct goevd_str *ret_name, struct goevd_str *ret_value)
{
    return goevd_http_header_at(q->http, index, ret_name, ret_value);
}

static struct goevd_str
table_request_header(const struct goevd_websocket_request *q, const char *name)
{
    return goevd_http_header(q->http, name);
}

static struct goevd_str
table_request_protocol(const struct goevd_websocket_request *q)
{
    return q->handshake->protocol;
}

/* What was offered and is chosen lies in the request, which lasts as long as is needed. */
static int
table_request_choose(struct goevd_websocket_request *q, const char *protocol)
{
    struct goevd_str name, value, offer;

    q->handshake->protocol = (struct goevd_str){NULL, 0};
    if (protocol == NULL)
        return 0;
    for (size_t i = 0; goevd_http_header_at(q->http, i, &name, &value); i++)
        while (handshake_offers(name) && handshake_offer(&value, &offer))
            if (offer.len == strlen(protocol) && memcmp(offer.data, protocol, offer.len) == 0) {
                q->handshake->protocol = offer;
                return 0;
            }
    return -ENOENT;
}

/* ---- What applications call ------------------------------------------------------------------ */

static void *
table_instance(const struct goevd_websocket_conn *w)
{
    return goevd_plugin_instance(conn_instance(w)->options->application);
}

static void *
table_local(const struct goevd_websocket_conn *w)
{
    return goevd_plugin_local(conn_instance(w)->options->application, goevd_conn_poller(w->c));
}

static struct goevd_conn *
table_stream(const struct goevd_websocket_conn *w)
{
    return w->c;
}

static int
table_send(struct goevd_websocket_conn *w, int type, const void *data, size_t len)
{
    if (type != GOEVD_WEBSOCKET_TEXT && type != GOEVD_WEBSOCKET_BINARY)
        return -EINVAL;
    return compress_send(w, (uint8_t)type, data, len);
}

static int
table_ping(struct goevd_websocket_conn *w, const void *data, size_t len)
{
    return len > FRAME_CONTROL_MAX ? -EINVAL : conn_send(w, FRAME_PING, data, len);
}

static int
table_close(struct goevd_websocket_conn *w, unsigned code, const char *reason)
{
    size_t len = reason == NULL ? 0 : strlen(reason);

    if (!frame_code_valid(code) || len > REASON_MAX)
        return -EINVAL;
    return conn_begin_close(w, code, reason, len, GOEVD_WEBSOCKET_SELF);
}

static const struct goevd_websocket websocket_table = {
    .version = GOEVD_WEBSOCKET_VERSION_OF(struct goevd_websocket),
    .instance = table_instance,
    .local = table_local,
    .stream = table_stream,
    .send = table_send,
    .ping = table_ping,
    .close = table_close,
    .request_instance = table_request_instance,
    .request_path = table_request_path,
    .request_query = table_request_query,
    .request_param = table_request_param,
    .request_header = table_request_header,
    .request_header_at = table_request_header_at,
    .request_protocol = table_request_protocol,
    .request_choose = table_request_choose,
};

/* ---- Life ------------------------------------------------------------------------------------ */

static struct deflate_policy
options_deflate(const struct options *o)
{
    if (o->compress_level == 0)
        return (struct deflate_policy){0};
    return (struct deflate_policy){(uint8_t)o->compress_server_bits,
                                   (uint8_t)o->compress_client_bits, !o->compress_context};
}

/* Returns 0, or what goevd_refuse() does. */
static int
websocket_check_app(struct goevd_self *self, const struct goevd_websocket_app *app)
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
    if (app->on_message == NULL || app->websocket == NULL)
        return goevd_refuse(self, at, "goevd_websocket_app.%s of the application is NULL; set it",
                            app->on_message == NULL ? "on_message" : "websocket");
    if (app->conn_size > APP_STATE_MAX)
        return goevd_refuse(self, at,
                            "goevd_websocket_app.conn_size of the application is %u and %d is the "
                            "most; keep what is larger in memory of its own",
                            app->conn_size, APP_STATE_MAX);
    return 0;
}

static int
websocket_create(struct goevd_self *self, const void *options, void **ret_instance)
{
    const struct options *o = options;
    const struct goevd_websocket_app *app = goevd_plugin_interface(o->application, GOEVD_WEBSOCKET);
    struct websocket *ws = calloc(1, sizeof(*ws));
    size_t size = app->version.size;
    int r;

    if (ws == NULL)
        return -ENOMEM;
    ws->self = self;
    ws->options = o;
    ws->policy = (struct handshake_policy){o->origins, o->protocols, options_deflate(o)};
    memcpy(&ws->app, app, size < sizeof(ws->app) ? size : sizeof(ws->app));
    r = websocket_check_app(self, &ws->app);
    if (r < 0) {
        free(ws);
        return r;
    }
    *ws->app.websocket = &websocket_table;
    *ret_instance = ws;
    return 0;
}

static void
websocket_poller_stop(void *instance, struct goevd_poller *poller, void *local)
{
    struct websocket_local *l = local;

    (void)instance, (void)poller;
    if (l == NULL)
        return;
    free(l->scratch);
    free(l->spare);
    packer_fini(&l->packer);
    inflater_free(l->inflater);
    free(l);
}

static int
websocket_poller_start(void *instance, struct goevd_poller *poller, void **ret_local)
{
    const struct websocket *ws = instance;
    struct websocket_local *l = calloc(1, sizeof(*l));

    (void)poller;
    if (l == NULL)
        return -ENOMEM;
    l->packer.level = (int)ws->options->compress_level;
    l->scratch_room = SCRATCH_FIRST;
    l->scratch = malloc(l->scratch_room);
    if (l->scratch == NULL) {
        free(l);
        return -ENOMEM;
    }
    *ret_local = l;
    return 0;
}

static const void *
websocket_interface(const char *id)
{
    if (strcmp(id, GOEVD_HTTP) == 0)
        return &handshake_handler;
    return strcmp(id, GOEVD_STREAM) == 0 ? &conn_stream : NULL;
}

GOEVD_PLUGIN(.name = "websocket", .description = "speaks WebSocket (RFC 6455) for applications",
             .options = &options_schema, .create = websocket_create, .destroy = free,
             .poller_start = websocket_poller_start, .poller_stop = websocket_poller_stop,
             .interface = websocket_interface);
