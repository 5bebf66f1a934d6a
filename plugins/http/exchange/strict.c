/* The table of handlers that are held to the rules (goevd --strict): each function looks first
 * whether it may be called here, and then does as the plain one. */
#include "http/exchange/api.h"

#include <goevd/hosting.h>
#include <goevd/work.h>
#include "http/exchange/exchange.h"

#define RULE(r, function)                                                                          \
    goevd_check_conn(http_exchange_c(http_exchange_of(r)), "goevd_http_" #function,                \
                     __builtin_return_address(0))

/* ---- The request ----------------------------------------------------------------------------- */

static enum goevd_http_method
http_strict_method(const struct goevd_http_request *r)
{
    RULE(r, method);
    return http_api.method(r);
}

static int
http_strict_minor(const struct goevd_http_request *r)
{
    RULE(r, minor);
    return http_api.minor(r);
}

static struct goevd_str
http_strict_target(const struct goevd_http_request *r)
{
    RULE(r, target);
    return http_api.target(r);
}

static struct goevd_str
http_strict_path(const struct goevd_http_request *r)
{
    RULE(r, path);
    return http_api.path(r);
}

static struct goevd_str
http_strict_raw_path(const struct goevd_http_request *r)
{
    RULE(r, raw_path);
    return http_api.raw_path(r);
}

static struct goevd_str
http_strict_query(const struct goevd_http_request *r)
{
    RULE(r, query);
    return http_api.query(r);
}

static struct goevd_str
http_strict_param(const struct goevd_http_request *r, const char *name)
{
    RULE(r, param);
    return http_api.param(r, name);
}

static struct goevd_str
http_strict_header(const struct goevd_http_request *r, const char *name)
{
    RULE(r, header);
    return http_api.header(r, name);
}

static bool
http_strict_header_at(const struct goevd_http_request *r, size_t index, struct goevd_str *ret_name,
                      struct goevd_str *ret_value)
{
    RULE(r, header_at);
    return http_api.header_at(r, index, ret_name, ret_value);
}

static uint64_t
http_strict_length(const struct goevd_http_request *r)
{
    RULE(r, length);
    return http_api.length(r);
}

static socklen_t
http_strict_peer_address(const struct goevd_http_request *r, struct sockaddr_storage *ret_address)
{
    RULE(r, peer_address);
    return http_api.peer_address(r, ret_address);
}

static socklen_t
http_strict_local_address(const struct goevd_http_request *r, struct sockaddr_storage *ret_address)
{
    RULE(r, local_address);
    return http_api.local_address(r, ret_address);
}

static socklen_t
http_strict_client_address(const struct goevd_http_request *r, struct sockaddr_storage *ret_address)
{
    RULE(r, client_address);
    return http_api.client_address(r, ret_address);
}

static struct goevd_str
http_strict_trace_id(const struct goevd_http_request *r)
{
    RULE(r, trace_id);
    return http_api.trace_id(r);
}

static bool
http_strict_trailer_at(const struct goevd_http_request *r, size_t index, struct goevd_str *ret_name,
                       struct goevd_str *ret_value)
{
    RULE(r, trailer_at);
    return http_api.trailer_at(r, index, ret_name, ret_value);
}

static unsigned
http_strict_coding(const struct goevd_http_request *r, const char *coding)
{
    RULE(r, coding);
    return http_api.coding(r, coding);
}

static bool
http_strict_wants_upgrade(const struct goevd_http_request *r, const char *protocol)
{
    RULE(r, wants_upgrade);
    return http_api.wants_upgrade(r, protocol);
}

static void *
http_strict_instance(const struct goevd_http_request *r)
{
    RULE(r, instance);
    return http_api.instance(r);
}

static void *
http_strict_local(const struct goevd_http_request *r)
{
    RULE(r, local);
    return http_api.local(r);
}

static struct goevd_poller *
http_strict_poller(const struct goevd_http_request *r)
{
    RULE(r, poller);
    return http_api.poller(r);
}

static struct goevd_http_id
http_strict_id(struct goevd_http_request *r)
{
    RULE(r, request_id);
    return http_api.id(r);
}

static struct goevd_str
http_strict_user(const struct goevd_http_request *r)
{
    RULE(r, user);
    return http_api.user(r);
}

static int
http_strict_set_user(struct goevd_http_request *r, const char *name, size_t len)
{
    RULE(r, set_user);
    return http_api.set_user(r, name, len);
}

/* ---- Its body, and who is next --------------------------------------------------------------- */

static int
http_strict_read(struct goevd_http_request *r, uint64_t max, unsigned flags)
{
    RULE(r, read);
    return http_api.read(r, max, flags);
}

static void
http_strict_resume(struct goevd_http_request *r)
{
    RULE(r, resume);
    http_api.resume(r);
}

static int
http_strict_next(struct goevd_http_request *r)
{
    RULE(r, next);
    return http_api.next(r);
}

/* ---- The response ---------------------------------------------------------------------------- */

static int
http_strict_add_header(struct goevd_http_request *r, const char *name, const char *value,
                       size_t len)
{
    RULE(r, add_header);
    return http_api.add_header(r, name, value, len);
}

static int
http_strict_interim(struct goevd_http_request *r, int status)
{
    RULE(r, interim);
    return http_api.interim(r, status);
}

static int
http_strict_reply(struct goevd_http_request *r, int status, const char *type, size_t type_len,
                  const void *body, size_t len)
{
    RULE(r, reply);
    return http_api.reply(r, status, type, type_len, body, len);
}

static int
http_strict_start(struct goevd_http_request *r, int status, const char *type, uint64_t length)
{
    RULE(r, start);
    return http_api.start(r, status, type, length);
}

static int
http_strict_write(struct goevd_http_request *r, const void *data, size_t len)
{
    RULE(r, write);
    return http_api.write(r, data, len);
}

static int
http_strict_write_shared(struct goevd_http_request *r, const void *data, size_t len,
                         goevd_release_fn release, void *arg)
{
    RULE(r, write_shared);
    return http_api.write_shared(r, data, len, release, arg);
}

static int
http_strict_write_file(struct goevd_http_request *r, int fd, off_t offset, size_t len,
                       goevd_release_fn release, void *arg)
{
    RULE(r, write_file);
    return http_api.write_file(r, fd, offset, len, release, arg);
}

static int
http_strict_trailer(struct goevd_http_request *r, const char *name, const char *value, size_t len)
{
    RULE(r, trailer);
    return http_api.trailer(r, name, value, len);
}

static int
http_strict_end(struct goevd_http_request *r)
{
    RULE(r, end);
    return http_api.end(r);
}

static void
http_strict_abort(struct goevd_http_request *r)
{
    RULE(r, abort);
    http_api.abort(r);
}

static int
http_strict_upgrade(struct goevd_http_request *r, const char *protocol, struct goevd_plugin *to,
                    const void *state, size_t len)
{
    RULE(r, upgrade);
    return http_api.upgrade(r, protocol, to, state, len);
}

static int
http_strict_upgrade_required(struct goevd_http_request *r, const char *protocol)
{
    RULE(r, upgrade_required);
    return http_api.upgrade_required(r, protocol);
}

/* ---- Later ----------------------------------------------------------------------------------- */

static int
http_strict_timer(struct goevd_http_request *r, uint64_t delay_ns)
{
    RULE(r, timer);
    return http_api.timer(r, delay_ns);
}

static int
http_strict_submit(struct goevd_self *self, struct goevd_http_request *r, goevd_job_fn job,
                   goevd_http_done_fn done, void *arg)
{
    RULE(r, submit);
    return http_api.submit(self, r, job, done, arg);
}

static void
http_strict_check(const struct goevd_http_request *r, const char *function, const void *caller)
{
    goevd_check_conn(http_exchange_c(http_exchange_of(r)), function, caller);
}

/* ---- The table ------------------------------------------------------------------------------- */

/* What is of an id may be called anywhere. */
const struct goevd_http *
http_strict_api(void)
{
    static struct goevd_http table;

    table = http_api;
    table.method = http_strict_method;
    table.minor = http_strict_minor;
    table.target = http_strict_target;
    table.path = http_strict_path;
    table.raw_path = http_strict_raw_path;
    table.query = http_strict_query;
    table.param = http_strict_param;
    table.header = http_strict_header;
    table.header_at = http_strict_header_at;
    table.length = http_strict_length;
    table.peer_address = http_strict_peer_address;
    table.local_address = http_strict_local_address;
    table.instance = http_strict_instance;
    table.local = http_strict_local;
    table.poller = http_strict_poller;
    table.id = http_strict_id;
    table.read = http_strict_read;
    table.resume = http_strict_resume;
    table.next = http_strict_next;
    table.add_header = http_strict_add_header;
    table.interim = http_strict_interim;
    table.reply = http_strict_reply;
    table.start = http_strict_start;
    table.write = http_strict_write;
    table.write_shared = http_strict_write_shared;
    table.write_file = http_strict_write_file;
    table.trailer = http_strict_trailer;
    table.end = http_strict_end;
    table.abort = http_strict_abort;
    table.wants_upgrade = http_strict_wants_upgrade;
    table.upgrade = http_strict_upgrade;
    table.upgrade_required = http_strict_upgrade_required;
    table.timer = http_strict_timer;
    table.submit = http_strict_submit;
    table.coding = http_strict_coding;
    table.client_address = http_strict_client_address;
    table.trace_id = http_strict_trace_id;
    table.trailer_at = http_strict_trailer_at;
    table.set_user = http_strict_set_user;
    table.user = http_strict_user;
    table.check = http_strict_check;
    return &table;
}
