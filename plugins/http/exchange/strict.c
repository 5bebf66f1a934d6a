/* The table of handlers that are held to the rules (goevd --strict): each function looks first
 * whether it may be called here, and then does as the plain one. */
#include "http/exchange/api.h"
#include "http/exchange/exchange.h"

#define RULE(r, function)                                                                          \
    goevd_check_conn(exchange_c(exchange_of(r)), "goevd_http_" #function,                          \
                     __builtin_return_address(0))

/* ---- The request ----------------------------------------------------------------------------- */

static enum goevd_http_method
strict_method(const struct goevd_http_request *r)
{
    RULE(r, method);
    return http_table.method(r);
}

static int
strict_minor(const struct goevd_http_request *r)
{
    RULE(r, minor);
    return http_table.minor(r);
}

static struct goevd_str
strict_target(const struct goevd_http_request *r)
{
    RULE(r, target);
    return http_table.target(r);
}

static struct goevd_str
strict_path(const struct goevd_http_request *r)
{
    RULE(r, path);
    return http_table.path(r);
}

static struct goevd_str
strict_raw_path(const struct goevd_http_request *r)
{
    RULE(r, raw_path);
    return http_table.raw_path(r);
}

static struct goevd_str
strict_query(const struct goevd_http_request *r)
{
    RULE(r, query);
    return http_table.query(r);
}

static struct goevd_str
strict_param(const struct goevd_http_request *r, const char *name)
{
    RULE(r, param);
    return http_table.param(r, name);
}

static struct goevd_str
strict_header(const struct goevd_http_request *r, const char *name)
{
    RULE(r, header);
    return http_table.header(r, name);
}

static bool
strict_header_at(const struct goevd_http_request *r, size_t index, struct goevd_str *ret_name,
                 struct goevd_str *ret_value)
{
    RULE(r, header_at);
    return http_table.header_at(r, index, ret_name, ret_value);
}

static uint64_t
strict_length(const struct goevd_http_request *r)
{
    RULE(r, length);
    return http_table.length(r);
}

static socklen_t
strict_peer_address(const struct goevd_http_request *r, struct sockaddr_storage *ret_address)
{
    RULE(r, peer_address);
    return http_table.peer_address(r, ret_address);
}

static socklen_t
strict_local_address(const struct goevd_http_request *r, struct sockaddr_storage *ret_address)
{
    RULE(r, local_address);
    return http_table.local_address(r, ret_address);
}

static socklen_t
strict_client_address(const struct goevd_http_request *r, struct sockaddr_storage *ret_address)
{
    RULE(r, client_address);
    return http_table.client_address(r, ret_address);
}

static struct goevd_str
strict_trace_id(const struct goevd_http_request *r)
{
    RULE(r, trace_id);
    return http_table.trace_id(r);
}

static bool
strict_trailer_at(const struct goevd_http_request *r, size_t index, struct goevd_str *ret_name,
                  struct goevd_str *ret_value)
{
    RULE(r, trailer_at);
    return http_table.trailer_at(r, index, ret_name, ret_value);
}

static unsigned
strict_coding(const struct goevd_http_request *r, const char *coding)
{
    RULE(r, coding);
    return http_table.coding(r, coding);
}

static bool
strict_wants_upgrade(const struct goevd_http_request *r, const char *protocol)
{
    RULE(r, wants_upgrade);
    return http_table.wants_upgrade(r, protocol);
}

static void *
strict_instance(const struct goevd_http_request *r)
{
    RULE(r, instance);
    return http_table.instance(r);
}

static void *
strict_local(const struct goevd_http_request *r)
{
    RULE(r, local);
    return http_table.local(r);
}

static struct goevd_poller *
strict_poller(const struct goevd_http_request *r)
{
    RULE(r, poller);
    return http_table.poller(r);
}

static struct goevd_http_id
strict_id(struct goevd_http_request *r)
{
    RULE(r, request_id);
    return http_table.id(r);
}

static struct goevd_str
strict_user(const struct goevd_http_request *r)
{
    RULE(r, user);
    return http_table.user(r);
}

static int
strict_set_user(struct goevd_http_request *r, const char *name, size_t len)
{
    RULE(r, set_user);
    return http_table.set_user(r, name, len);
}

/* ---- Its body, and who is next --------------------------------------------------------------- */

static int
strict_read(struct goevd_http_request *r, uint64_t max, unsigned flags)
{
    RULE(r, read);
    return http_table.read(r, max, flags);
}

static void
strict_resume(struct goevd_http_request *r)
{
    RULE(r, resume);
    http_table.resume(r);
}

static int
strict_next(struct goevd_http_request *r)
{
    RULE(r, next);
    return http_table.next(r);
}

/* ---- The response ---------------------------------------------------------------------------- */

static int
strict_add_header(struct goevd_http_request *r, const char *name, const char *value, size_t len)
{
    RULE(r, add_header);
    return http_table.add_header(r, name, value, len);
}

static int
strict_interim(struct goevd_http_request *r, int status)
{
    RULE(r, interim);
    return http_table.interim(r, status);
}

static int
strict_reply(struct goevd_http_request *r, int status, const char *type, size_t type_len,
             const void *body, size_t len)
{
    RULE(r, reply);
    return http_table.reply(r, status, type, type_len, body, len);
}

static int
strict_start(struct goevd_http_request *r, int status, const char *type, uint64_t length)
{
    RULE(r, start);
    return http_table.start(r, status, type, length);
}

static int
strict_write(struct goevd_http_request *r, const void *data, size_t len)
{
    RULE(r, write);
    return http_table.write(r, data, len);
}

static int
strict_write_shared(struct goevd_http_request *r, const void *data, size_t len,
                    goevd_release_fn release, void *arg)
{
    RULE(r, write_shared);
    return http_table.write_shared(r, data, len, release, arg);
}

static int
strict_write_file(struct goevd_http_request *r, int fd, off_t offset, size_t len,
                  goevd_release_fn release, void *arg)
{
    RULE(r, write_file);
    return http_table.write_file(r, fd, offset, len, release, arg);
}

static int
strict_trailer(struct goevd_http_request *r, const char *name, const char *value, size_t len)
{
    RULE(r, trailer);
    return http_table.trailer(r, name, value, len);
}

static int
strict_end(struct goevd_http_request *r)
{
    RULE(r, end);
    return http_table.end(r);
}

static void
strict_abort(struct goevd_http_request *r)
{
    RULE(r, abort);
    http_table.abort(r);
}

static int
strict_upgrade(struct goevd_http_request *r, const char *protocol, struct goevd_plugin *to,
               const void *state, size_t len)
{
    RULE(r, upgrade);
    return http_table.upgrade(r, protocol, to, state, len);
}

static int
strict_upgrade_required(struct goevd_http_request *r, const char *protocol)
{
    RULE(r, upgrade_required);
    return http_table.upgrade_required(r, protocol);
}

/* ---- Later ----------------------------------------------------------------------------------- */

static int
strict_timer(struct goevd_http_request *r, uint64_t delay_ns)
{
    RULE(r, timer);
    return http_table.timer(r, delay_ns);
}

static int
strict_submit(struct goevd_self *self, struct goevd_http_request *r, goevd_job_fn job,
              goevd_http_done_fn done, void *arg)
{
    RULE(r, submit);
    return http_table.submit(self, r, job, done, arg);
}

static void
strict_check(const struct goevd_http_request *r, const char *function, const void *caller)
{
    goevd_check_conn(exchange_c(exchange_of(r)), function, caller);
}

/* ---- The table ------------------------------------------------------------------------------- */

/* What is of an id may be called anywhere. */
const struct goevd_http *
http_strict_table(void)
{
    static struct goevd_http table;

    table = http_table;
    table.method = strict_method;
    table.minor = strict_minor;
    table.target = strict_target;
    table.path = strict_path;
    table.raw_path = strict_raw_path;
    table.query = strict_query;
    table.param = strict_param;
    table.header = strict_header;
    table.header_at = strict_header_at;
    table.length = strict_length;
    table.peer_address = strict_peer_address;
    table.local_address = strict_local_address;
    table.instance = strict_instance;
    table.local = strict_local;
    table.poller = strict_poller;
    table.id = strict_id;
    table.read = strict_read;
    table.resume = strict_resume;
    table.next = strict_next;
    table.add_header = strict_add_header;
    table.interim = strict_interim;
    table.reply = strict_reply;
    table.start = strict_start;
    table.write = strict_write;
    table.write_shared = strict_write_shared;
    table.write_file = strict_write_file;
    table.trailer = strict_trailer;
    table.end = strict_end;
    table.abort = strict_abort;
    table.wants_upgrade = strict_wants_upgrade;
    table.upgrade = strict_upgrade;
    table.upgrade_required = strict_upgrade_required;
    table.timer = strict_timer;
    table.submit = strict_submit;
    table.coding = strict_coding;
    table.client_address = strict_client_address;
    table.trace_id = strict_trace_id;
    table.trailer_at = strict_trailer_at;
    table.set_user = strict_set_user;
    table.user = strict_user;
    table.check = strict_check;
    return &table;
}
