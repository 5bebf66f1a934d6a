/* The table of applications that are held to the rules (goevd --strict): each function looks first
 * whether it may be called here, and then does as the plain one. */
#include "websocket/api.h"

#define RULE(w, function)                                                                          \
    goevd_check_conn(websocket_table.stream(w), "goevd_websocket_" #function,                      \
                     __builtin_return_address(0))

#define RULE_REQUEST(q, function)                                                                  \
    goevd_http_check((q)->http, "goevd_websocket_" #function, __builtin_return_address(0))

static void *
strict_instance(const struct goevd_websocket_conn *w)
{
    RULE(w, instance);
    return websocket_table.instance(w);
}

static void *
strict_local(const struct goevd_websocket_conn *w)
{
    RULE(w, local);
    return websocket_table.local(w);
}

static struct goevd_conn *
strict_stream(const struct goevd_websocket_conn *w)
{
    RULE(w, stream);
    return websocket_table.stream(w);
}

static int
strict_send(struct goevd_websocket_conn *w, int type, const void *data, size_t len)
{
    RULE(w, send);
    return websocket_table.send(w, type, data, len);
}

static int
strict_ping(struct goevd_websocket_conn *w, const void *data, size_t len)
{
    RULE(w, ping);
    return websocket_table.ping(w, data, len);
}

static int
strict_close(struct goevd_websocket_conn *w, unsigned code, const char *reason)
{
    RULE(w, close);
    return websocket_table.close(w, code, reason);
}

static struct goevd_websocket_id
strict_id(const struct goevd_websocket_conn *w)
{
    RULE(w, conn_id);
    return websocket_table.id(w);
}

static struct goevd_websocket_host *
strict_host(const struct goevd_websocket_conn *w)
{
    RULE(w, conn_host);
    return websocket_table.host(w);
}

static int
strict_join(struct goevd_websocket_conn *w, const char *room, size_t len)
{
    RULE(w, join);
    return websocket_table.join(w, room, len);
}

static int
strict_leave(struct goevd_websocket_conn *w, const char *room, size_t len)
{
    RULE(w, leave);
    return websocket_table.leave(w, room, len);
}

static int
strict_set_slow(struct goevd_websocket_conn *w, int slow, size_t backlog)
{
    RULE(w, set_slow);
    return websocket_table.set_slow(w, slow, backlog);
}

static int
strict_send_fragment(struct goevd_websocket_conn *w, int type, const void *data, size_t len,
                     unsigned flags)
{
    RULE(w, send_fragment);
    return websocket_table.send_fragment(w, type, data, len, flags);
}

/* ---- The handshake --------------------------------------------------------------------------- */

static void *
strict_request_instance(const struct goevd_websocket_request *q)
{
    RULE_REQUEST(q, request_instance);
    return websocket_table.request_instance(q);
}

static struct goevd_str
strict_request_path(const struct goevd_websocket_request *q)
{
    RULE_REQUEST(q, request_path);
    return websocket_table.request_path(q);
}

static struct goevd_str
strict_request_query(const struct goevd_websocket_request *q)
{
    RULE_REQUEST(q, request_query);
    return websocket_table.request_query(q);
}

static struct goevd_str
strict_request_param(const struct goevd_websocket_request *q, const char *name)
{
    RULE_REQUEST(q, request_param);
    return websocket_table.request_param(q, name);
}

static struct goevd_str
strict_request_header(const struct goevd_websocket_request *q, const char *name)
{
    RULE_REQUEST(q, request_header);
    return websocket_table.request_header(q, name);
}

static bool
strict_request_header_at(const struct goevd_websocket_request *q, size_t index,
                         struct goevd_str *ret_name, struct goevd_str *ret_value)
{
    RULE_REQUEST(q, request_header_at);
    return websocket_table.request_header_at(q, index, ret_name, ret_value);
}

static struct goevd_str
strict_request_protocol(const struct goevd_websocket_request *q)
{
    RULE_REQUEST(q, request_protocol);
    return websocket_table.request_protocol(q);
}

static int
strict_request_choose(struct goevd_websocket_request *q, const char *protocol)
{
    RULE_REQUEST(q, request_choose);
    return websocket_table.request_choose(q, protocol);
}

/* ---- The table ------------------------------------------------------------------------------- */

/* What is of an id may be called anywhere. */
const struct goevd_websocket *
websocket_strict_table(void)
{
    static struct goevd_websocket table;

    table = websocket_table;
    table.instance = strict_instance;
    table.local = strict_local;
    table.stream = strict_stream;
    table.send = strict_send;
    table.ping = strict_ping;
    table.close = strict_close;
    table.request_instance = strict_request_instance;
    table.request_path = strict_request_path;
    table.request_query = strict_request_query;
    table.request_param = strict_request_param;
    table.request_header = strict_request_header;
    table.request_header_at = strict_request_header_at;
    table.request_protocol = strict_request_protocol;
    table.request_choose = strict_request_choose;
    table.id = strict_id;
    table.host = strict_host;
    table.join = strict_join;
    table.leave = strict_leave;
    table.set_slow = strict_set_slow;
    table.send_fragment = strict_send_fragment;
    return &table;
}
