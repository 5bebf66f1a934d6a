#include "websocket/api.h"

#include <errno.h>
#include <string.h>

#include "websocket/by_id.h"
#include "websocket/compress.h"
#include "websocket/message/frame.h"
#include "websocket/parts.h"
#include "websocket/rooms/backlog.h"
#include "websocket/rooms/rooms.h"

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

    if (!frame_code_valid(code) || len > GOEVD_WEBSOCKET_REASON_MAX)
        return -EINVAL;
    return conn_begin_close(w, code, reason, len, GOEVD_WEBSOCKET_SELF);
}

static struct goevd_websocket_host *
table_host(const struct goevd_websocket_conn *w)
{
    return (struct goevd_websocket_host *)conn_instance(w);
}

static struct goevd_websocket_id
table_id(const struct goevd_websocket_conn *w)
{
    return (struct goevd_websocket_id){table_host(w), goevd_conn_id(w->c)};
}

static int
table_publish(struct goevd_websocket_host *host, const char *room, size_t room_len, int type,
              const void *data, size_t len)
{
    return rooms_publish((struct websocket *)host, room, room_len, type, data, len);
}

const struct goevd_websocket websocket_table = {
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
    .id = table_id,
    .call = post_call,
    .post = post_send,
    .post_close = post_close,
    .host = table_host,
    .join = rooms_join,
    .leave = rooms_leave,
    .publish = table_publish,
    .set_slow = backlog_set_slow,
    .send_fragment = parts_send,
};
