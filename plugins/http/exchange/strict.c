/* The function table for `goevd --strict`: each function first checks that it may be called here,
 * and then calls the plain one. */
#include "http/exchange/api.h"

#include "http/exchange/exchange.h"
#include <goevd/hosting.h>
#include <goevd/work.h>

#define RULE(r, function)                                                                          \
    goevd_check_conn(HTTP_EXCHANGE_GIVEN(r, #function)->c, "goevd_http_" #function,                \
                     __builtin_return_address(0))

/* The functions that do the work. */
static const struct goevd_http *strict_plain;

/* ---- The request ----------------------------------------------------------------------------- */

static enum goevd_http_method
http_strict_method(const struct goevd_http_request *r)
{
    RULE(r, method);
    return strict_plain->method(r);
}

static enum goevd_http_version
http_strict_version_of(const struct goevd_http_request *r)
{
    RULE(r, version);
    return strict_plain->version_of(r);
}

static struct goevd_str
http_strict_scheme(const struct goevd_http_request *r)
{
    RULE(r, scheme);
    return strict_plain->scheme(r);
}

static struct goevd_str
http_strict_target(const struct goevd_http_request *r)
{
    RULE(r, target);
    return strict_plain->target(r);
}

static struct goevd_str
http_strict_path(const struct goevd_http_request *r)
{
    RULE(r, path);
    return strict_plain->path(r);
}

static struct goevd_str
http_strict_raw_path(const struct goevd_http_request *r)
{
    RULE(r, raw_path);
    return strict_plain->raw_path(r);
}

static struct goevd_str
http_strict_query(const struct goevd_http_request *r)
{
    RULE(r, query);
    return strict_plain->query(r);
}

static struct goevd_str
http_strict_param(const struct goevd_http_request *r, const char *name)
{
    RULE(r, param);
    return strict_plain->param(r, name);
}

static struct goevd_str
http_strict_header(const struct goevd_http_request *r, const char *name)
{
    RULE(r, header);
    return strict_plain->header(r, name);
}

static bool
http_strict_header_at(const struct goevd_http_request *r, size_t index, struct goevd_str *ret_name,
                      struct goevd_str *ret_value)
{
    RULE(r, header_at);
    return strict_plain->header_at(r, index, ret_name, ret_value);
}

static uint64_t
http_strict_length(const struct goevd_http_request *r)
{
    RULE(r, length);
    return strict_plain->length(r);
}

static socklen_t
http_strict_peer_address(const struct goevd_http_request *r, struct sockaddr_storage *ret_address)
{
    RULE(r, peer_address);
    return strict_plain->peer_address(r, ret_address);
}

static struct goevd_str
http_strict_tls(const struct goevd_http_request *r, enum goevd_tls_fact fact)
{
    RULE(r, tls);
    return strict_plain->tls(r, fact);
}

static socklen_t
http_strict_local_address(const struct goevd_http_request *r, struct sockaddr_storage *ret_address)
{
    RULE(r, local_address);
    return strict_plain->local_address(r, ret_address);
}

static socklen_t
http_strict_client_address(const struct goevd_http_request *r, struct sockaddr_storage *ret_address)
{
    RULE(r, client_address);
    return strict_plain->client_address(r, ret_address);
}

static struct goevd_str
http_strict_log_id(const struct goevd_http_request *r)
{
    RULE(r, log_id);
    return strict_plain->log_id(r);
}

static bool
http_strict_trailer_at(const struct goevd_http_request *r, size_t index, struct goevd_str *ret_name,
                       struct goevd_str *ret_value)
{
    RULE(r, trailer_at);
    return strict_plain->trailer_at(r, index, ret_name, ret_value);
}

static unsigned
http_strict_coding(const struct goevd_http_request *r, const char *coding)
{
    RULE(r, coding);
    return strict_plain->coding(r, coding);
}

static bool
http_strict_wants_upgrade(const struct goevd_http_request *r, const char *protocol)
{
    RULE(r, wants_upgrade);
    return strict_plain->wants_upgrade(r, protocol);
}

static void *
http_strict_instance(const struct goevd_http_request *r)
{
    RULE(r, instance);
    return strict_plain->instance(r);
}

static void *
http_strict_local(const struct goevd_http_request *r)
{
    RULE(r, local);
    return strict_plain->local(r);
}

static struct goevd_poller *
http_strict_poller(const struct goevd_http_request *r)
{
    RULE(r, poller);
    return strict_plain->poller(r);
}

static struct goevd_http_id
http_strict_id(struct goevd_http_request *r)
{
    RULE(r, request_id);
    return strict_plain->id(r);
}

static struct goevd_str
http_strict_user(const struct goevd_http_request *r)
{
    RULE(r, user);
    return strict_plain->user(r);
}

static int
http_strict_set_user(struct goevd_http_request *r, const char *name, size_t len)
{
    RULE(r, set_user);
    return strict_plain->set_user(r, name, len);
}

/* ---- The body, and the next handler ---------------------------------------------------------- */

static int
http_strict_read(struct goevd_http_request *r, uint64_t max, unsigned flags)
{
    RULE(r, read);
    return strict_plain->read(r, max, flags);
}

static void
http_strict_resume(struct goevd_http_request *r)
{
    RULE(r, resume);
    strict_plain->resume(r);
}

static int
http_strict_next(struct goevd_http_request *r)
{
    RULE(r, next);
    return strict_plain->next(r);
}

/* ---- The response ---------------------------------------------------------------------------- */

static int
http_strict_add_header(struct goevd_http_request *r, const char *name, const char *value,
                       size_t len)
{
    RULE(r, add_header);
    return strict_plain->add_header(r, name, value, len);
}

static int
http_strict_interim(struct goevd_http_request *r, int status)
{
    RULE(r, interim);
    return strict_plain->interim(r, status);
}

static int
http_strict_reply(struct goevd_http_request *r, int status, const char *type, size_t type_len,
                  const void *body, size_t len)
{
    RULE(r, reply);
    return strict_plain->reply(r, status, type, type_len, body, len);
}

static int
http_strict_start(struct goevd_http_request *r, int status, const char *type, uint64_t length)
{
    RULE(r, start);
    return strict_plain->start(r, status, type, length);
}

static int
http_strict_write(struct goevd_http_request *r, const void *data, size_t len)
{
    RULE(r, write);
    return strict_plain->write(r, data, len);
}

static int
http_strict_write_shared(struct goevd_http_request *r, const void *data, size_t len,
                         goevd_release_fn release, void *arg)
{
    RULE(r, write_shared);
    return strict_plain->write_shared(r, data, len, release, arg);
}

static int
http_strict_write_file(struct goevd_http_request *r, int fd, off_t offset, size_t len,
                       goevd_release_fn release, void *arg)
{
    RULE(r, write_file);
    return strict_plain->write_file(r, fd, offset, len, release, arg);
}

static int
http_strict_trailer(struct goevd_http_request *r, const char *name, const char *value, size_t len)
{
    RULE(r, trailer);
    return strict_plain->trailer(r, name, value, len);
}

static int
http_strict_end(struct goevd_http_request *r)
{
    RULE(r, end);
    return strict_plain->end(r);
}

static struct goevd_str
http_strict_traceparent(const struct goevd_http_request *r, bool *ret_continued)
{
    RULE(r, traceparent);
    return strict_plain->traceparent(r, ret_continued);
}

static void
http_strict_close_after(struct goevd_http_request *r)
{
    RULE(r, close_after);
    strict_plain->close_after(r);
}

static void
http_strict_abort(struct goevd_http_request *r)
{
    RULE(r, abort);
    strict_plain->abort(r);
}

static int
http_strict_upgrade(struct goevd_http_request *r, const char *protocol, struct goevd_plugin *to,
                    const void *state, size_t len)
{
    RULE(r, upgrade);
    return strict_plain->upgrade(r, protocol, to, state, len);
}

static int
http_strict_upgrade_required(struct goevd_http_request *r, const char *protocol)
{
    RULE(r, upgrade_required);
    return strict_plain->upgrade_required(r, protocol);
}

/* ---- By id, and timers ----------------------------------------------------------------------- */

static int
http_strict_timer(struct goevd_http_request *r, uint64_t delay_ns)
{
    RULE(r, timer);
    return strict_plain->timer(r, delay_ns);
}

static int
http_strict_submit(struct goevd_self *self, struct goevd_http_request *r, unsigned flags,
                   goevd_job_fn job, goevd_http_done_fn done, void *arg)
{
    RULE(r, submit);
    return strict_plain->submit(self, r, flags, job, done, arg);
}

static void
http_strict_check(const struct goevd_http_request *r, const char *function, const void *caller)
{
    goevd_check_conn(http_exchange_of(r)->c, function, caller);
}

/* ---- The table ------------------------------------------------------------------------------- */

/* Functions that take an id may be called anywhere, so they are not replaced. */
const struct goevd_http *
http_strict_api(const struct goevd_http *plain)
{
    static struct goevd_http table;

    strict_plain = plain;
    table = *plain;
    table.method = http_strict_method;
    table.version_of = http_strict_version_of;
    table.scheme = http_strict_scheme;
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
    table.tls = http_strict_tls;
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
    table.log_id = http_strict_log_id;
    table.trailer_at = http_strict_trailer_at;
    table.set_user = http_strict_set_user;
    table.user = http_strict_user;
    table.check = http_strict_check;
    table.close_after = http_strict_close_after;
    table.traceparent = http_strict_traceparent;
    return &table;
}
