#include "http/exchange/api.h"

#include <goevd/conn.h>
#include <goevd/hosting.h>

#include "http/exchange/by_id.h"
#include "http/exchange/exchange.h"
#include "http/message/coding/coding.h"
#include "http/message/rows.h"
#include "http/message/semantics.h"
#include "http/message/uri/target.h"
#include "http/route/match/router.h"

static struct goevd_str
http_api_str(struct http_span s)
{
    return (struct goevd_str){s.data, s.len};
}

/* ---- The request ----------------------------------------------------------------------------- */

static enum goevd_http_method
http_api_method(const struct goevd_http_request *r)
{
    return (enum goevd_http_method)HTTP_EXCHANGE_GIVEN(r, "method")->req->method;
}

static enum goevd_http_version
http_api_version_of(const struct goevd_http_request *r)
{
    const struct http_exchange *x = HTTP_EXCHANGE_GIVEN(r, "version");

    return x->wire->version(x);
}

static struct goevd_str
http_api_scheme(const struct goevd_http_request *r)
{
    const struct http_exchange *x = HTTP_EXCHANGE_GIVEN(r, "scheme");
    const char *scheme = x->wire->scheme(x);

    return (struct goevd_str){scheme, strlen(scheme)};
}

static struct goevd_str
http_api_target(const struct goevd_http_request *r)
{
    return http_api_str(HTTP_EXCHANGE_GIVEN(r, "target")->req->target);
}

static struct goevd_str
http_api_path(const struct goevd_http_request *r)
{
    return http_api_str(HTTP_EXCHANGE_GIVEN(r, "path")->req->path);
}

static struct goevd_str
http_api_raw_path(const struct goevd_http_request *r)
{
    return http_api_str(http_target_path(HTTP_EXCHANGE_GIVEN(r, "raw_path")->req->target));
}

static struct goevd_str
http_api_query(const struct goevd_http_request *r)
{
    return http_api_str(http_target_query(HTTP_EXCHANGE_GIVEN(r, "query")->req->target));
}

static struct goevd_str
http_api_param(const struct goevd_http_request *r, const char *name)
{
    const struct http_exchange *x = HTTP_EXCHANGE_GIVEN(r, "param");

    return http_api_str(http_router_param(x->handler->chain->path, x->req->path, name));
}

static struct goevd_str
http_api_header(const struct goevd_http_request *r, const char *name)
{
    const struct http_request *req = HTTP_EXCHANGE_GIVEN(r, "header")->req;
    size_t len = strlen(name);

    for (uint32_t i = 0; i < req->field_count; i++) {
        const struct http_field *f = &req->fields[i];

        if (http_field_is(f, name, len))
            return (struct goevd_str){f->value, f->value_len};
    }
    return (struct goevd_str){NULL, 0};
}

static bool
http_api_header_at(const struct goevd_http_request *r, size_t index, struct goevd_str *ret_name,
                   struct goevd_str *ret_value)
{
    const struct http_request *req = HTTP_EXCHANGE_GIVEN(r, "header_at")->req;

    if (index >= req->field_count)
        return false;
    *ret_name = (struct goevd_str){req->fields[index].name, req->fields[index].name_len};
    *ret_value = (struct goevd_str){req->fields[index].value, req->fields[index].value_len};
    return true;
}

static bool
http_api_trailer_at(const struct goevd_http_request *r, size_t index, struct goevd_str *ret_name,
                    struct goevd_str *ret_value)
{
    struct http_span name, value;

    if (!http_exchange_body_trailer(HTTP_EXCHANGE_GIVEN(r, "trailer_at"), index, &name, &value))
        return false;
    *ret_name = http_api_str(name);
    *ret_value = http_api_str(value);
    return true;
}

static unsigned
http_api_coding(const struct goevd_http_request *r, const char *coding)
{
    return http_coding_weight(HTTP_EXCHANGE_GIVEN(r, "coding")->req, coding);
}

static uint64_t
http_api_length(const struct goevd_http_request *r)
{
    const struct http_request *req = HTTP_EXCHANGE_GIVEN(r, "length")->req;

    if (req->flags & HTTP_CHUNKED)
        return GOEVD_HTTP_LENGTH_UNKNOWN;
    return (req->flags & HTTP_LENGTH) ? req->content_length : 0;
}

static socklen_t
http_api_peer_address(const struct goevd_http_request *r, struct sockaddr_storage *ret_address)
{
    return goevd_conn_peer_address(HTTP_EXCHANGE_GIVEN(r, "peer_address")->c, ret_address);
}

/* The address without its unused bytes, as goevd_conn_peer_address() returns it. */
static socklen_t
http_api_client_address(const struct goevd_http_request *r, struct sockaddr_storage *ret_address)
{
    const struct http_exchange *x = HTTP_EXCHANGE_GIVEN(r, "client_address");
    const union http_forwarded_address *client = &x->info.client;
    bool ip = client->sa.sa_family == AF_INET || client->sa.sa_family == AF_INET6;

    if (!(x->flags & HTTP_X_INFORMED) || !ip)
        return goevd_conn_peer_address(x->c, ret_address);
    memset(ret_address, 0, sizeof(*ret_address));
    memcpy(ret_address, client, sizeof(*client));
    return client->sa.sa_family == AF_INET ? sizeof(client->in) : sizeof(client->in6);
}

static struct goevd_str
http_api_log_id(const struct goevd_http_request *r)
{
    const struct http_exchange *x = HTTP_EXCHANGE_GIVEN(r, "log_id");
    const struct http_request_info *info = &x->info;

    if (!(x->flags & HTTP_X_INFORMED) || info->id_len == 0)
        return (struct goevd_str){NULL, 0};
    return http_api_str(http_request_info_id(info));
}

static struct goevd_str
http_api_traceparent(const struct goevd_http_request *r, bool *ret_continued)
{
    const struct http_exchange *x = HTTP_EXCHANGE_GIVEN(r, "traceparent");
    const struct http_trace *trace = &x->info.trace;
    bool traced = (x->flags & HTTP_X_INFORMED) && trace->len != 0;

    if (ret_continued)
        *ret_continued = traced && trace->continued;
    return traced ? (struct goevd_str){trace->text, trace->len} : (struct goevd_str){NULL, 0};
}

static int
http_api_set_user(struct goevd_http_request *r, const char *name, size_t len)
{
    return http_exchange_set_user(HTTP_EXCHANGE_GIVEN(r, "set_user"), name, len);
}

static struct goevd_str
http_api_user(const struct goevd_http_request *r)
{
    const struct http_exchange *x = HTTP_EXCHANGE_GIVEN(r, "user");

    if (!(x->flags & HTTP_X_USER))
        return (struct goevd_str){NULL, 0};
    return (struct goevd_str){x->user.data, x->user.len};
}

static struct goevd_str
http_api_tls(const struct goevd_http_request *r, enum goevd_tls_fact fact)
{
    return goevd_conn_tls(HTTP_EXCHANGE_GIVEN(r, "tls")->c, fact);
}

static socklen_t
http_api_local_address(const struct goevd_http_request *r, struct sockaddr_storage *ret_address)
{
    return goevd_conn_local_address(HTTP_EXCHANGE_GIVEN(r, "local_address")->c, ret_address);
}

static void *
http_api_instance(const struct goevd_http_request *r)
{
    return HTTP_EXCHANGE_GIVEN(r, "instance")->handler->instance;
}

static void *
http_api_local(const struct goevd_http_request *r)
{
    const struct http_exchange *x = HTTP_EXCHANGE_GIVEN(r, "local");

    return goevd_plugin_local(x->handler->plugin, x->local->poller);
}

static struct goevd_poller *
http_api_poller(const struct goevd_http_request *r)
{
    return HTTP_EXCHANGE_GIVEN(r, "poller")->local->poller;
}

static struct goevd_http_id
http_api_id(struct goevd_http_request *r)
{
    struct http_exchange *x = HTTP_EXCHANGE_GIVEN(r, "request_id");

    return (struct goevd_http_id){x->local->http->self, http_exchange_number(x)};
}

/* ---- The life of a request ------------------------------------------------------------------- */

static int
http_api_read(struct goevd_http_request *r, uint64_t max, unsigned flags)
{
    return http_exchange_read(HTTP_EXCHANGE_GIVEN(r, "read"), max, flags);
}

static void
http_api_resume(struct goevd_http_request *r)
{
    http_exchange_resume(HTTP_EXCHANGE_GIVEN(r, "resume"));
}

static int
http_api_next(struct goevd_http_request *r)
{
    struct http_exchange *x = HTTP_EXCHANGE_GIVEN(r, "next");

    if (x->flags & (HTTP_X_LOST | HTTP_X_READ))
        return -EPIPE;
    x->flags |= HTTP_X_NEXT;
    http_exchange_changed(x);
    return 0;
}

static void
http_api_close_after(struct goevd_http_request *r)
{
    HTTP_EXCHANGE_GIVEN(r, "close_after")->flags |= HTTP_X_CLOSE;
}

static void
http_api_abort(struct goevd_http_request *r)
{
    struct http_exchange *x = HTTP_EXCHANGE_GIVEN(r, "abort");

    http_exchange_break(x, 0);
    http_exchange_changed(x);
}

/* ---- The reply ------------------------------------------------------------------------------- */

static int
http_api_add_header(struct goevd_http_request *r, const char *name, const char *value, size_t len)
{
    return http_exchange_add_field(HTTP_EXCHANGE_GIVEN(r, "add_header"), name, value, len);
}

static int
http_api_interim(struct goevd_http_request *r, int status)
{
    return http_exchange_interim(HTTP_EXCHANGE_GIVEN(r, "interim"), status);
}

static int
http_api_reply(struct goevd_http_request *r, int status, const char *type, size_t type_len,
               const void *body, size_t len)
{
    return http_exchange_reply(HTTP_EXCHANGE_GIVEN(r, "reply"), status, type, type_len, body, len);
}

static int
http_api_start(struct goevd_http_request *r, int status, const char *type, uint64_t length)
{
    return http_exchange_start(HTTP_EXCHANGE_GIVEN(r, "start"), status, !type ? "" : type,
                               !type ? 0 : strlen(type), length);
}

static int
http_api_write(struct goevd_http_request *r, const void *data, size_t len)
{
    return http_exchange_write(HTTP_EXCHANGE_GIVEN(r, "write"), data, len);
}

static int
http_api_write_shared(struct goevd_http_request *r, const void *data, size_t len,
                      goevd_release_fn release, void *arg)
{
    const struct http_segment s = {.data = data, .len = len, .release = release, .arg = arg};

    return http_exchange_write_segment(HTTP_EXCHANGE_GIVEN(r, "write_shared"), &s);
}

static int
http_api_write_file(struct goevd_http_request *r, int fd, off_t offset, size_t len,
                    goevd_release_fn release, void *arg)
{
    const struct http_segment s = {
        .fd = fd, .offset = offset, .len = len, .release = release, .arg = arg};

    return http_exchange_write_segment(HTTP_EXCHANGE_GIVEN(r, "write_file"), &s);
}

static int
http_api_trailer(struct goevd_http_request *r, const char *name, const char *value, size_t len)
{
    return http_exchange_trailer(HTTP_EXCHANGE_GIVEN(r, "trailer"), name, value, len);
}

static int
http_api_end(struct goevd_http_request *r)
{
    return http_exchange_end(HTTP_EXCHANGE_GIVEN(r, "end"));
}

static bool
http_api_wants_upgrade(const struct goevd_http_request *r, const char *protocol)
{
    return http_request_upgrades(HTTP_EXCHANGE_GIVEN(r, "wants_upgrade")->req, protocol);
}

static int
http_api_upgrade(struct goevd_http_request *r, const char *protocol, struct goevd_plugin *to,
                 const void *state, size_t len)
{
    struct http_exchange *x = HTTP_EXCHANGE_GIVEN(r, "upgrade");

    return http_exchange_upgrade(x, protocol, !to ? x->handler->plugin : to, state, len);
}

static int
http_api_upgrade_required(struct goevd_http_request *r, const char *protocol)
{
    return http_exchange_upgrade_required(HTTP_EXCHANGE_GIVEN(r, "upgrade_required"), protocol);
}

static int
http_api_timer(struct goevd_http_request *r, uint64_t delay_ns)
{
    struct http_exchange *x = HTTP_EXCHANGE_GIVEN(r, "timer");

    if (!x->handler->calls.on_timeout)
        return -EINVAL;
    return http_exchange_arm_timer(x, delay_ns);
}

static void
http_api_check(const struct goevd_http_request *r, const char *function, const void *caller)
{
    (void)r, (void)function, (void)caller;
}

const struct goevd_http http_api = {
    .version = GOEVD_HTTP_VERSION_OF(struct goevd_http),
    .method = http_api_method,
    .version_of = http_api_version_of,
    .scheme = http_api_scheme,
    .target = http_api_target,
    .path = http_api_path,
    .raw_path = http_api_raw_path,
    .query = http_api_query,
    .param = http_api_param,
    .header = http_api_header,
    .header_at = http_api_header_at,
    .length = http_api_length,
    .peer_address = http_api_peer_address,
    .local_address = http_api_local_address,
    .tls = http_api_tls,
    .instance = http_api_instance,
    .local = http_api_local,
    .poller = http_api_poller,
    .id = http_api_id,
    .read = http_api_read,
    .resume = http_api_resume,
    .next = http_api_next,
    .add_header = http_api_add_header,
    .interim = http_api_interim,
    .reply = http_api_reply,
    .start = http_api_start,
    .write = http_api_write,
    .write_shared = http_api_write_shared,
    .write_file = http_api_write_file,
    .trailer = http_api_trailer,
    .end = http_api_end,
    .abort = http_api_abort,
    .wants_upgrade = http_api_wants_upgrade,
    .upgrade = http_api_upgrade,
    .upgrade_required = http_api_upgrade_required,
    .timer = http_api_timer,
    .call = http_by_id_call,
    .send = http_by_id_send,
    .submit = http_by_id_submit,
    .coding = http_api_coding,
    .client_address = http_api_client_address,
    .log_id = http_api_log_id,
    .trailer_at = http_api_trailer_at,
    .set_user = http_api_set_user,
    .user = http_api_user,
    .check = http_api_check,
    .close_after = http_api_close_after,
    .traceparent = http_api_traceparent,
};
