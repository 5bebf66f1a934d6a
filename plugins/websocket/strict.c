/* The function table for `goevd --strict`: each function first checks that it may be called here,
 * and then calls the plain one. */
#include "websocket/api.h"

#include <goevd/hosting.h>

#define RULE(w, function)                                                                          \
    goevd_check_conn(ws_api_table.stream(w), "goevd_websocket_" #function,                         \
                     __builtin_return_address(0))

#define RULE_REQUEST(q, function)                                                                  \
    goevd_http_check((q)->http, "goevd_websocket_" #function, __builtin_return_address(0))

static void *
ws_strict_instance(const struct goevd_websocket_conn *w)
{
    RULE(w, instance);
    return ws_api_table.instance(w);
}

static void *
ws_strict_local(const struct goevd_websocket_conn *w)
{
    RULE(w, local);
    return ws_api_table.local(w);
}

static struct goevd_conn *
ws_strict_stream(const struct goevd_websocket_conn *w)
{
    RULE(w, stream);
    return ws_api_table.stream(w);
}

static int
ws_strict_send(struct goevd_websocket_conn *w, int type, const void *data, size_t len)
{
    RULE(w, send);
    return ws_api_table.send(w, type, data, len);
}

static int
ws_strict_ping(struct goevd_websocket_conn *w, const void *data, size_t len)
{
    RULE(w, ping);
    return ws_api_table.ping(w, data, len);
}

static int
ws_strict_close(struct goevd_websocket_conn *w, unsigned code, const char *reason)
{
    RULE(w, close);
    return ws_api_table.close(w, code, reason);
}

static struct goevd_websocket_id
ws_strict_id(const struct goevd_websocket_conn *w)
{
    RULE(w, conn_id);
    return ws_api_table.id(w);
}

static struct goevd_websocket_host *
ws_strict_host(const struct goevd_websocket_conn *w)
{
    RULE(w, conn_host);
    return ws_api_table.host(w);
}

static int
ws_strict_join(struct goevd_websocket_conn *w, const char *room, size_t len)
{
    RULE(w, join);
    return ws_api_table.join(w, room, len);
}

static int
ws_strict_leave(struct goevd_websocket_conn *w, const char *room, size_t len)
{
    RULE(w, leave);
    return ws_api_table.leave(w, room, len);
}

static int
ws_strict_set_slow(struct goevd_websocket_conn *w, int slow, size_t backlog)
{
    RULE(w, set_slow);
    return ws_api_table.set_slow(w, slow, backlog);
}

static int
ws_strict_send_fragment(struct goevd_websocket_conn *w, int type, const void *data, size_t len,
                        unsigned flags)
{
    RULE(w, send_fragment);
    return ws_api_table.send_fragment(w, type, data, len, flags);
}

/* ---- The handshake --------------------------------------------------------------------------- */

static void *
ws_strict_request_instance(const struct goevd_websocket_request *q)
{
    RULE_REQUEST(q, request_instance);
    return ws_api_table.request_instance(q);
}

static struct goevd_str
ws_strict_request_path(const struct goevd_websocket_request *q)
{
    RULE_REQUEST(q, request_path);
    return ws_api_table.request_path(q);
}

static struct goevd_str
ws_strict_request_query(const struct goevd_websocket_request *q)
{
    RULE_REQUEST(q, request_query);
    return ws_api_table.request_query(q);
}

static struct goevd_str
ws_strict_request_param(const struct goevd_websocket_request *q, const char *name)
{
    RULE_REQUEST(q, request_param);
    return ws_api_table.request_param(q, name);
}

static struct goevd_str
ws_strict_request_header(const struct goevd_websocket_request *q, const char *name)
{
    RULE_REQUEST(q, request_header);
    return ws_api_table.request_header(q, name);
}

static bool
ws_strict_request_header_at(const struct goevd_websocket_request *q, size_t index,
                            struct goevd_str *ret_name, struct goevd_str *ret_value)
{
    RULE_REQUEST(q, request_header_at);
    return ws_api_table.request_header_at(q, index, ret_name, ret_value);
}

static struct goevd_str
ws_strict_request_protocol(const struct goevd_websocket_request *q)
{
    RULE_REQUEST(q, request_protocol);
    return ws_api_table.request_protocol(q);
}

static int
ws_strict_request_choose(struct goevd_websocket_request *q, const char *protocol)
{
    RULE_REQUEST(q, request_choose);
    return ws_api_table.request_choose(q, protocol);
}

static int
ws_strict_request_add_header(struct goevd_websocket_request *q, const char *name, const char *value)
{
    RULE_REQUEST(q, request_add_header);
    return ws_api_table.request_add_header(q, name, value);
}

static int
ws_strict_request_refuse(struct goevd_websocket_request *q, int status, const char *type,
                         const void *body, size_t len)
{
    RULE_REQUEST(q, request_refuse);
    return ws_api_table.request_refuse(q, status, type, body, len);
}

/* ---- The table ------------------------------------------------------------------------------- */

/* Functions that take an id may be called anywhere, so they are not replaced. */
const struct goevd_websocket *
ws_strict_table(void)
{
    static struct goevd_websocket table;

    table = ws_api_table;
    table.instance = ws_strict_instance;
    table.local = ws_strict_local;
    table.stream = ws_strict_stream;
    table.send = ws_strict_send;
    table.ping = ws_strict_ping;
    table.close = ws_strict_close;
    table.request_instance = ws_strict_request_instance;
    table.request_path = ws_strict_request_path;
    table.request_query = ws_strict_request_query;
    table.request_param = ws_strict_request_param;
    table.request_header = ws_strict_request_header;
    table.request_header_at = ws_strict_request_header_at;
    table.request_protocol = ws_strict_request_protocol;
    table.request_choose = ws_strict_request_choose;
    table.request_add_header = ws_strict_request_add_header;
    table.request_refuse = ws_strict_request_refuse;
    table.id = ws_strict_id;
    table.host = ws_strict_host;
    table.join = ws_strict_join;
    table.leave = ws_strict_leave;
    table.set_slow = ws_strict_set_slow;
    table.send_fragment = ws_strict_send_fragment;
    return &table;
}
