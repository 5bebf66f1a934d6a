#include "websocket/api.h"

#include <errno.h>
#include <string.h>

#include <goevd/hosting.h>

#include "websocket/by_id.h"
#include "websocket/parts.h"
#include "websocket/rooms/backlog.h"
#include "websocket/rooms/rooms.h"
#include "websocket/send.h"

/* ---- Pointers of applications ---------------------------------------------------------------- */

#define WS_API_CHECK(valid, name, what)                                                            \
    ((valid) ? (void)0                                                                             \
             : goevd_wrong_object("goevd_websocket_" name, (what), __builtin_return_address(0)))
#define WS_API_CONN(w, name)                                                                       \
    WS_API_CHECK((w) != NULL && (w)->begin.magic == WS_CONN_MAGIC, name, "connection")
#define WS_API_REQUEST(q, name)                                                                    \
    WS_API_CHECK((q) != NULL && (q)->magic == WS_REQUEST_MAGIC, "request_" name, "handshake")

/* ---- Called by applications in a handshake --------------------------------------------------- */

static void *
ws_api_request_instance(const struct goevd_websocket_request *q)
{
    const struct ws_instance *ws;

    WS_API_REQUEST(q, "instance");
    ws = goevd_http_instance(q->http);
    return goevd_plugin_instance(ws->options->application);
}

static struct goevd_str
ws_api_request_path(const struct goevd_websocket_request *q)
{
    WS_API_REQUEST(q, "path");
    return goevd_http_path(q->http);
}

static struct goevd_str
ws_api_request_query(const struct goevd_websocket_request *q)
{
    WS_API_REQUEST(q, "query");
    return goevd_http_query(q->http);
}

static struct goevd_str
ws_api_request_param(const struct goevd_websocket_request *q, const char *name)
{
    WS_API_REQUEST(q, "param");
    return goevd_http_param(q->http, name);
}

static bool
ws_api_request_header_at(const struct goevd_websocket_request *q, size_t index,
                         struct goevd_str *ret_name, struct goevd_str *ret_value)
{
    WS_API_REQUEST(q, "header_at");
    return goevd_http_header_at(q->http, index, ret_name, ret_value);
}

static struct goevd_str
ws_api_request_header(const struct goevd_websocket_request *q, const char *name)
{
    WS_API_REQUEST(q, "header");
    return goevd_http_header(q->http, name);
}

static struct goevd_str
ws_api_request_protocol(const struct goevd_websocket_request *q)
{
    WS_API_REQUEST(q, "protocol");
    return q->handshake->protocol;
}

/* Returns the subprotocol that the application chooses among the offered ones. It points into the
 * request, which outlives the handshake. */
static int
ws_api_request_choose(struct goevd_websocket_request *q, const char *protocol)
{
    struct goevd_str name, value, offer;

    WS_API_REQUEST(q, "choose");
    q->handshake->protocol = (struct goevd_str){NULL, 0};
    if (!protocol)
        return 0;
    for (size_t i = 0; goevd_http_header_at(q->http, i, &name, &value); i++)
        while (ws_handshake_offers(name) && ws_handshake_offer(&value, &offer))
            if (offer.len == strlen(protocol) && memcmp(offer.data, protocol, offer.len) == 0) {
                q->handshake->protocol = offer;
                return 0;
            }
    return -ENOENT;
}

static int
ws_api_request_add_header(struct goevd_websocket_request *q, const char *name, const char *value)
{
    WS_API_REQUEST(q, "add_header");
    return goevd_http_add_header(q->http, name, value);
}

static int
ws_api_request_refuse(struct goevd_websocket_request *q, int status, const char *type,
                      const void *body, size_t len)
{
    int r;

    WS_API_REQUEST(q, "refuse");
    if (status < WS_REFUSAL_MIN || status > WS_REFUSAL_MAX)
        return -EINVAL;
    r = goevd_http_reply(q->http, status, type, body, len);
    q->refused = q->refused || r == 0;
    return r < 0 ? r : status;
}

/* ---- Called by applications on a connection -------------------------------------------------- */

static void *
ws_api_instance(const struct goevd_websocket_conn *w)
{
    WS_API_CONN(w, "instance");
    return goevd_plugin_instance(ws_conn_instance(w)->options->application);
}

static void *
ws_api_local(const struct goevd_websocket_conn *w)
{
    WS_API_CONN(w, "local");
    return goevd_plugin_local(ws_conn_instance(w)->options->application, goevd_conn_poller(w->c));
}

static struct goevd_conn *
ws_api_stream(const struct goevd_websocket_conn *w)
{
    WS_API_CONN(w, "stream");
    return w->c;
}

static int
ws_api_send(struct goevd_websocket_conn *w, int type, const void *data, size_t len)
{
    WS_API_CONN(w, "send");
    return ws_send_message(w, type, data, len);
}

static int
ws_api_ping(struct goevd_websocket_conn *w, const void *data, size_t len)
{
    WS_API_CONN(w, "ping");
    return ws_send_ping(w, data, len);
}

static int
ws_api_close(struct goevd_websocket_conn *w, unsigned code, const char *reason)
{
    WS_API_CONN(w, "close");
    return ws_send_close(w, code, reason);
}

static struct goevd_websocket_host *
ws_api_host(const struct goevd_websocket_conn *w)
{
    WS_API_CONN(w, "conn_host");
    return (struct goevd_websocket_host *)ws_conn_instance(w);
}

static struct goevd_websocket_id
ws_api_id(const struct goevd_websocket_conn *w)
{
    WS_API_CONN(w, "conn_id");
    return (struct goevd_websocket_id){ws_api_host(w), goevd_conn_id(w->c)};
}

static int
ws_api_publish(struct goevd_websocket_host *host, const char *room, size_t room_len, int type,
               const void *data, size_t len)
{
    return ws_rooms_publish((struct ws_instance *)host, room, room_len, type, data, len);
}

static int
ws_api_join(struct goevd_websocket_conn *w, const char *room, size_t len)
{
    WS_API_CONN(w, "join");
    return ws_rooms_join(w, room, len);
}

static int
ws_api_leave(struct goevd_websocket_conn *w, const char *room, size_t len)
{
    WS_API_CONN(w, "leave");
    return ws_rooms_leave(w, room, len);
}

static int
ws_api_set_slow(struct goevd_websocket_conn *w, int slow, size_t max)
{
    WS_API_CONN(w, "set_slow");
    return ws_backlog_set_slow(w, slow, max);
}

static int
ws_api_send_fragment(struct goevd_websocket_conn *w, int type, const void *data, size_t len,
                     unsigned flags)
{
    WS_API_CONN(w, "send_fragment");
    return ws_parts_send(w, type, data, len, flags);
}

const struct goevd_websocket ws_api_table = {
    .version = GOEVD_WEBSOCKET_VERSION_OF(struct goevd_websocket),
    .instance = ws_api_instance,
    .local = ws_api_local,
    .stream = ws_api_stream,
    .send = ws_api_send,
    .ping = ws_api_ping,
    .close = ws_api_close,
    .request_instance = ws_api_request_instance,
    .request_path = ws_api_request_path,
    .request_query = ws_api_request_query,
    .request_param = ws_api_request_param,
    .request_header = ws_api_request_header,
    .request_header_at = ws_api_request_header_at,
    .request_protocol = ws_api_request_protocol,
    .request_choose = ws_api_request_choose,
    .id = ws_api_id,
    .call = ws_by_id_call,
    .post = ws_by_id_send,
    .post_close = ws_by_id_close,
    .host = ws_api_host,
    .join = ws_api_join,
    .leave = ws_api_leave,
    .publish = ws_api_publish,
    .set_slow = ws_api_set_slow,
    .send_fragment = ws_api_send_fragment,
    .request_add_header = ws_api_request_add_header,
    .request_refuse = ws_api_request_refuse,
};
