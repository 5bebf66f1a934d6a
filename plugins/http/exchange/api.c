#include "http/exchange/api.h"

#include "http/exchange/by_id.h"
#include "http/exchange/exchange.h"
#include "http/message/coding.h"
#include "http/message/rows.h"
#include "http/message/semantics.h"
#include "http/message/target.h"
#include "http/route/router.h"

/* A body that is copied behind its head at once, where the client is asked for nothing special. */
#define REPLY_QUICK_MAX 16384

static struct goevd_str
table_str(struct span s)
{
    return (struct goevd_str){s.data, s.len};
}

/* ---- The request ----------------------------------------------------------------------------- */

static enum goevd_http_method
table_method(const struct goevd_http_request *r)
{
    return (enum goevd_http_method)exchange_of(r)->req->method;
}

static int
table_minor(const struct goevd_http_request *r)
{
    return (exchange_of(r)->req->flags & HTTP_OLD) != 0 ? 0 : 1;
}

static struct goevd_str
table_target(const struct goevd_http_request *r)
{
    return table_str(exchange_of(r)->req->target);
}

static struct goevd_str
table_path(const struct goevd_http_request *r)
{
    return table_str(exchange_of(r)->req->path);
}

static struct goevd_str
table_raw_path(const struct goevd_http_request *r)
{
    return table_str(http_target_path(exchange_of(r)->req->target));
}

static struct goevd_str
table_query(const struct goevd_http_request *r)
{
    return table_str(http_target_query(exchange_of(r)->req->target));
}

static struct goevd_str
table_param(const struct goevd_http_request *r, const char *name)
{
    const struct exchange *x = exchange_of(r);

    return table_str(http_router_param(x->handler->chain->path, x->req->path, name));
}

static struct goevd_str
table_header(const struct goevd_http_request *r, const char *name)
{
    const struct http_request *req = exchange_of(r)->req;
    size_t len = strlen(name);

    for (uint32_t i = 0; i < req->field_count; i++) {
        const struct http_field *f = &req->fields[i];

        if (http_field_is(f, name, len))
            return (struct goevd_str){f->value, f->value_len};
    }
    return (struct goevd_str){NULL, 0};
}

static bool
table_header_at(const struct goevd_http_request *r, size_t index, struct goevd_str *ret_name,
                struct goevd_str *ret_value)
{
    const struct http_request *req = exchange_of(r)->req;

    if (index >= req->field_count)
        return false;
    *ret_name = (struct goevd_str){req->fields[index].name, req->fields[index].name_len};
    *ret_value = (struct goevd_str){req->fields[index].value, req->fields[index].value_len};
    return true;
}

static bool
table_trailer_at(const struct goevd_http_request *r, size_t index, struct goevd_str *ret_name,
                 struct goevd_str *ret_value)
{
    struct span name, value;

    if (!exchange_body_trailer(exchange_of(r), index, &name, &value))
        return false;
    *ret_name = table_str(name);
    *ret_value = table_str(value);
    return true;
}

static unsigned
table_coding(const struct goevd_http_request *r, const char *coding)
{
    return http_coding_weight(exchange_of(r)->req, coding);
}

static uint64_t
table_length(const struct goevd_http_request *r)
{
    const struct http_request *req = exchange_of(r)->req;

    if ((req->flags & HTTP_CHUNKED) != 0)
        return GOEVD_HTTP_LENGTH_UNKNOWN;
    return (req->flags & HTTP_LENGTH) != 0 ? req->content_length : 0;
}

static socklen_t
table_peer_address(const struct goevd_http_request *r, struct sockaddr_storage *ret_address)
{
    return goevd_conn_peer_address(exchange_c(exchange_of(r)), ret_address);
}

/* As much of an address as goevd_conn_peer_address() tells. */
static socklen_t
table_client_address(const struct goevd_http_request *r, struct sockaddr_storage *ret_address)
{
    const union forwarded_address *client = &exchange_of(r)->mark.client;
    bool ip = client->sa.sa_family == AF_INET || client->sa.sa_family == AF_INET6;

    if ((exchange_of(r)->flags & X_MARKED) == 0 || !ip)
        return table_peer_address(r, ret_address);
    memset(ret_address, 0, sizeof(*ret_address));
    memcpy(ret_address, client, sizeof(*client));
    return client->sa.sa_family == AF_INET ? sizeof(client->in) : sizeof(client->in6);
}

static struct goevd_str
table_trace_id(const struct goevd_http_request *r)
{
    const struct mark *mark = &exchange_of(r)->mark;

    if ((exchange_of(r)->flags & X_MARKED) == 0 || mark->id_len == 0)
        return (struct goevd_str){NULL, 0};
    return table_str(mark_id(mark));
}

static int
table_set_user(struct goevd_http_request *r, const char *name, size_t len)
{
    return exchange_set_user(exchange_of(r), name, len);
}

static struct goevd_str
table_user(const struct goevd_http_request *r)
{
    const struct exchange *x = exchange_of(r);

    if ((x->flags & X_USER) == 0)
        return (struct goevd_str){NULL, 0};
    return (struct goevd_str){x->user.data, x->user.len};
}

static socklen_t
table_local_address(const struct goevd_http_request *r, struct sockaddr_storage *ret_address)
{
    return goevd_conn_local_address(exchange_c(exchange_of(r)), ret_address);
}

static void *
table_instance(const struct goevd_http_request *r)
{
    return exchange_of(r)->handler->instance;
}

static void *
table_local(const struct goevd_http_request *r)
{
    const struct exchange *x = exchange_of(r);

    return goevd_plugin_local(x->handler->plugin, x->local->poller);
}

static struct goevd_poller *
table_poller(const struct goevd_http_request *r)
{
    return exchange_of(r)->local->poller;
}

static struct goevd_http_id
table_id(struct goevd_http_request *r)
{
    struct exchange *x = exchange_of(r);

    return (struct goevd_http_id){x->local->http->self, exchange_number(x)};
}

/* ---- What becomes of it ---------------------------------------------------------------------- */

static int
table_read(struct goevd_http_request *r, uint64_t max, unsigned flags)
{
    return exchange_read(exchange_of(r), max, flags);
}

static void
table_resume(struct goevd_http_request *r)
{
    exchange_resume(exchange_of(r));
}

static int
table_next(struct goevd_http_request *r)
{
    struct exchange *x = exchange_of(r);

    if ((x->flags & (X_LOST | X_READ)) != 0)
        return -EPIPE;
    x->flags |= X_NEXT;
    exchange_changed(x);
    return 0;
}

static void
table_abort(struct goevd_http_request *r)
{
    struct exchange *x = exchange_of(r);

    exchange_break(x, 0);
    exchange_changed(x);
}

/* ---- The reply ------------------------------------------------------------------------------- */

static int
table_add_header(struct goevd_http_request *r, const char *name, const char *value, size_t len)
{
    return exchange_add_field(exchange_of(r), name, value, len);
}

static int
table_interim(struct goevd_http_request *r, int status)
{
    return exchange_interim(exchange_of(r), status);
}

/* Let the last head be the one that is wanted, complete with that length. */
cold static int
table_prepare(struct exchange *x, int status, const char *type, size_t type_len, size_t len)
{
    struct head *h;

    if (status < 200 || status > 599 || type_len > HEADS_TYPE_MAX ||
        !http_field_value_valid(type, type_len))
        return -EINVAL;
    h = heads_get(&x->local->heads, status, type, type_len);
    if (h == NULL)
        return -ENOMEM;
    return h->body_len == len ? 0 : heads_set_length(h, len);
}

/* 8 to 32 bytes. */
hot void
table_copy(char *to, const char *from, size_t len)
{
    uint64_t words[4];

    if (len > 16) {
        memcpy(words, from, 16);
        memcpy(words + 2, from + len - 16, 16);
        memcpy(to, words, 16);
        memcpy(to + len - 16, words + 2, 16);
    } else {
        memcpy(words, from, 8);
        memcpy(words + 1, from + len - 8, 8);
        memcpy(to, words, 8);
        memcpy(to + len - 8, words + 1, 8);
    }
}

/* A reply in on_request to GET with nothing that was added, behind others of this turn. */
__attribute__((noinline)) static int
table_reply_plain(struct exchange *x, int status, const char *type, size_t type_len,
                  const void *body, size_t len)
{
    struct turn *t = x->turn;
    const struct head *h;
    char *to;

    if (len > REPLY_QUICK_MAX || (len == 0 && status >= PAGES_FIRST) ||
        (!heads_is_last(&x->local->heads, status, type, type_len, len) &&
         table_prepare(x, status, type, type_len, len) < 0))
        return exchange_reply(x, status, type, type_len, body, len);
    h = x->local->heads.last;
    if (t->room - t->used < h->len + len && turn_reserve(t, h->len + len, x->head_len) < 0)
        return exchange_reply(x, status, type, type_len, body, len);
    to = t->out + t->used;
    memcpy(to, h->data, h->len);
    if (len != 0)
        memcpy(to + h->len, body, len);
    x->local->reply_guess = h->len + len;
    t->used += h->len + len;
    t->answered++;
    x->flags = X_ENDED;
    return 0;
}

/* The same, as it nearly always is: like the last one, short, and with room for it. Written so that
 * nothing has to be kept across a call. */
static int
table_reply(struct goevd_http_request *r, int status, const char *type, size_t type_len,
            const void *body, size_t len)
{
    struct exchange *x = exchange_of(r);
    struct turn *t = x->turn;
    const struct head *h = x->local->heads.last;
    char *to;

    if (unlikely(x->flags != 0))
        return exchange_reply(x, status, type, type_len, body, len);
    if (unlikely(!heads_is_quick(&x->local->heads, status, type, type_len, len) ||
                 t->room - t->used < h->len + len))
        return table_reply_plain(x, status, type, type_len, body, len);
    to = t->out + t->used;
    t->used += h->len + len;
    t->answered++;
    x->flags = X_ENDED;
    table_copy(to + h->len, body, len);
    memcpy(to, h->data, h->len);
    return 0;
}

static int
table_start(struct goevd_http_request *r, int status, const char *type, uint64_t length)
{
    return exchange_start(exchange_of(r), status, type == NULL ? "" : type,
                          type == NULL ? 0 : strlen(type), length);
}

static int
table_write(struct goevd_http_request *r, const void *data, size_t len)
{
    return exchange_write(exchange_of(r), data, len);
}

static int
table_write_shared(struct goevd_http_request *r, const void *data, size_t len,
                   goevd_release_fn release, void *arg)
{
    const struct exchange_segment s = {.data = data, .len = len, .release = release, .arg = arg};

    return exchange_write_segment(exchange_of(r), &s);
}

static int
table_write_file(struct goevd_http_request *r, int fd, off_t offset, size_t len,
                 goevd_release_fn release, void *arg)
{
    const struct exchange_segment s = {
        .fd = fd, .offset = offset, .len = len, .release = release, .arg = arg};

    return exchange_write_segment(exchange_of(r), &s);
}

static int
table_trailer(struct goevd_http_request *r, const char *name, const char *value, size_t len)
{
    return exchange_trailer(exchange_of(r), name, value, len);
}

static int
table_end(struct goevd_http_request *r)
{
    return exchange_end(exchange_of(r));
}

static bool
table_wants_upgrade(const struct goevd_http_request *r, const char *protocol)
{
    return http_request_upgrades(exchange_of(r)->req, protocol);
}

static int
table_upgrade(struct goevd_http_request *r, const char *protocol, struct goevd_plugin *to,
              const void *state, size_t len)
{
    struct exchange *x = exchange_of(r);

    return exchange_upgrade(x, protocol, to == NULL ? x->handler->plugin : to, state, len);
}

static int
table_upgrade_required(struct goevd_http_request *r, const char *protocol)
{
    return exchange_upgrade_required(exchange_of(r), protocol);
}

static int
table_timer(struct goevd_http_request *r, uint64_t delay_ns)
{
    struct exchange *x = exchange_of(r);

    if (x->handler->calls.on_timeout == NULL)
        return -EINVAL;
    x->flags |= X_TIMER;
    return goevd_conn_timer_arm(exchange_c(x), EXCHANGE_TIMER, delay_ns, 0);
}

static void
table_check(const struct goevd_http_request *r, const char *function, const void *caller)
{
    (void)r, (void)function, (void)caller;
}

const struct goevd_http http_table = {
    .version = GOEVD_HTTP_VERSION_OF(struct goevd_http),
    .method = table_method,
    .minor = table_minor,
    .target = table_target,
    .path = table_path,
    .raw_path = table_raw_path,
    .query = table_query,
    .param = table_param,
    .header = table_header,
    .header_at = table_header_at,
    .length = table_length,
    .peer_address = table_peer_address,
    .local_address = table_local_address,
    .instance = table_instance,
    .local = table_local,
    .poller = table_poller,
    .id = table_id,
    .read = table_read,
    .resume = table_resume,
    .next = table_next,
    .add_header = table_add_header,
    .interim = table_interim,
    .reply = table_reply,
    .start = table_start,
    .write = table_write,
    .write_shared = table_write_shared,
    .write_file = table_write_file,
    .trailer = table_trailer,
    .end = table_end,
    .abort = table_abort,
    .wants_upgrade = table_wants_upgrade,
    .upgrade = table_upgrade,
    .upgrade_required = table_upgrade_required,
    .timer = table_timer,
    .call = later_call,
    .send = later_send,
    .submit = later_submit,
    .coding = table_coding,
    .client_address = table_client_address,
    .trace_id = table_trace_id,
    .trailer_at = table_trailer_at,
    .set_user = table_set_user,
    .user = table_user,
    .check = table_check,
};
