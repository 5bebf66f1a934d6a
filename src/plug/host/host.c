/* The table of functions that plugins call. Here the public names of goevd/plugin.h meet the
 * host's own: a cast and a call each. */
#include "plug/host/host_parts.h"

#include <errno.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "net/proxy/cidr.h"
#include "net/proxy/proxy_header.h"

static_assert(GOEVD_PROXY_HEADER_MAX == PROXY_HEADER_WRITE_MAX, "plugins know another length");

/* ---- Anywhere -------------------------------------------------------------------------------- */

PRINTF(3, 0)
static void
host_log(struct goevd_self *self, enum goevd_log_level level, const char *format, va_list args)
{
    struct log_about about = {.plugin = host_self(self)->module->entry.name};

    log_vabout(&about, (int)level, format, args);
}

PRINTF(3, 0)
int
host_refuse(struct goevd_self *self, const char *path, const char *format, va_list args)
{
    struct instance *i = host_self(self);

    assert(i->plugins->errors); /* only create and check_options may refuse */
    return conf_errors_vadd_below(i->plugins->errors, i->created ? NULL : i->node, i->owner.path,
                                  path, format, args);
}

bool
host_checking(struct goevd_self *self)
{
    return host_self(self)->plugins->checking;
}

static uint64_t
host_now(void)
{
    return clock_now_ns();
}

static const void *
host_plugin_interface(struct goevd_plugin *plugin, const char *id)
{
    return module_interface(host_plugin(plugin)->module, id);
}

static void *
host_plugin_instance(struct goevd_plugin *plugin)
{
    return host_plugin(plugin)->data;
}

static void *
host_plugin_local(struct goevd_plugin *plugin, struct goevd_poller *poller)
{
    return host_plugin(plugin)->locals[host_poller(poller)->index];
}

static void
host_sent(void *arg, uint64_t id, uint64_t cookie, int result)
{
    struct instance *i = arg;

    if (!i->created || !i->module->stream || !i->module->stream->on_sent)
        return;
    place_enter(place_here, &i->owner, "on_sent", id);
    i->module->stream->on_sent(i->data, id, cookie, result);
    place_leave(place_here);
}

static int
host_send(struct goevd_self *self, uint64_t conn_id, const void *data, size_t len, uint64_t cookie)
{
    return host_checking(self) ? -ECANCELED
                               : net_send(conn_id, data, len, cookie, host_sent, host_self(self));
}

static int
host_send_frame(struct goevd_self *self, uint64_t conn_id, const void *data, size_t len,
                uint64_t cookie)
{
    if (host_checking(self))
        return -ECANCELED;
    return net_send_frame(conn_id, data, len, cookie, host_sent, host_self(self));
}

static int
host_close(uint64_t conn_id, unsigned flags)
{
    return net_close(conn_id, flags);
}

/* ---- Connections ----------------------------------------------------------------------------- */

static uint64_t
host_conn_id(struct goevd_conn *c)
{
    return host_conn_hot(c)->watch.id;
}

static void *
host_conn_instance(struct goevd_conn *c)
{
    return host_conn_hot(c)->service->instance;
}

static void *
host_conn_local(struct goevd_conn *c)
{
    return host_conn_hot(c)->service->local;
}

static struct goevd_poller *
host_conn_poller(struct goevd_conn *c)
{
    return (struct goevd_poller *)host_conn_hot(c)->service->net->poller;
}

static socklen_t
host_conn_peer_address(struct goevd_conn *c, struct sockaddr_storage *ret_address)
{
    return conn_peer_address(host_conn(c), ret_address);
}

static socklen_t
host_conn_local_address(struct goevd_conn *c, struct sockaddr_storage *ret_address)
{
    return conn_local_address(host_conn(c), ret_address);
}

static int
host_proxy_header(struct goevd_conn *public, unsigned version, void *ret_buf, size_t size)
{
    const struct conn *c = host_conn(public);
    struct address from, to;

    if (version != 1 && version != 2)
        return -EINVAL;
    if (size < GOEVD_PROXY_HEADER_MAX)
        return -ENOBUFS;
    from.len = conn_peer_address(c, &from.storage);
    to.len = conn_local_address(c, &to.storage);
    if (to.len == 0)
        to.sa.sa_family = AF_UNSPEC;
    return (int)proxy_header_write(version, &from, &to, ret_buf);
}

static socklen_t
host_conn_proxy_address(struct goevd_conn *c, struct sockaddr_storage *ret_address)
{
    return conn_proxy_address(host_conn(c), ret_address);
}

static int
host_conn_setsockopt(struct goevd_conn *c, int level, int name, const void *value, socklen_t len)
{
    return conn_setsockopt(host_conn(c), level, name, value, len);
}

static uint64_t
host_conn_bytes_in(struct goevd_conn *c)
{
    return host_conn(c)->bytes_in;
}

static struct goevd_str
host_conn_tls(struct goevd_conn *c, enum goevd_tls_fact fact)
{
    return conn_tls(host_conn(c), fact);
}

static uint64_t
host_conn_bytes_out(struct goevd_conn *c)
{
    return host_conn(c)->bytes_out;
}

static int
host_conn_write(struct goevd_conn *c, const void *data, size_t len)
{
    return conn_write(host_conn_hot(c), data, len);
}

static int
host_conn_write_now(struct goevd_conn *c, const void *data, size_t len)
{
    return conn_write_now(host_conn(c), data, len);
}

static int
host_conn_splice(struct goevd_conn *from, struct goevd_conn *to, size_t *ret_moved)
{
    return conn_splice(host_conn(from), host_conn(to), ret_moved);
}

static int
host_conn_write_frame(struct goevd_conn *c, const void *data, size_t len)
{
    return conn_write_frame(host_conn(c), data, len);
}

static void *
host_conn_reserve(struct goevd_conn *c, size_t len)
{
    return conn_reserve(host_conn_hot(c), len);
}

static int
host_conn_commit(struct goevd_conn *c, size_t len)
{
    return conn_commit(host_conn_hot(c), len);
}

static int
host_conn_write_shared(struct goevd_conn *c, const void *data, size_t len, goevd_release_fn release,
                       void *arg)
{
    return conn_write_shared(host_conn_hot(c), data, len, release, arg);
}

static int
host_conn_write_file(struct goevd_conn *c, int fd, off_t offset, size_t len,
                     goevd_release_fn release, void *arg)
{
    return conn_write_file(host_conn(c), fd, offset, len, release, arg);
}

static size_t
host_conn_queued(struct goevd_conn *c)
{
    return conn_queued(host_conn_hot(c));
}

static int
host_conn_shutdown(struct goevd_conn *c)
{
    return conn_shutdown(host_conn(c));
}

static void
host_conn_close(struct goevd_conn *c, unsigned flags)
{
    conn_close(host_conn(c), flags, GOEVD_REASON_HANDLER);
}

/* With a framing, the number of needed bytes is known. */
static void
host_conn_need(struct goevd_conn *c, size_t len)
{
    if (!host_conn_hot(c)->service->stream->framing)
        conn_need(host_conn_hot(c), len);
}

static void
host_conn_pause(struct goevd_conn *c)
{
    conn_pause(host_conn(c));
}

static void
host_conn_resume(struct goevd_conn *c)
{
    conn_resume(host_conn(c));
}

static void
host_conn_deadline(struct goevd_conn *c, uint64_t delay_ns)
{
    conn_deadline(host_conn_hot(c), delay_ns);
}

static int
host_conn_timer_arm(struct goevd_conn *c, uint64_t cookie, uint64_t delay_ns, uint64_t period_ns)
{
    return conn_timer_arm(host_conn(c), cookie, delay_ns, period_ns);
}

static void
host_conn_timer_cancel(struct goevd_conn *c, uint64_t cookie)
{
    conn_timer_cancel(host_conn(c), cookie);
}

static int
host_conn_upgrade(struct goevd_conn *public, struct goevd_plugin *to, const void *state, size_t len)
{
    struct conn *c = host_conn(public);
    struct instance *i = host_plugin(to);
    struct service_handler handler = {i->module->stream, i->data,
                                      i->locals[c->service->net->poller->index], &i->owner};
    struct service *s;
    int r;

    if (!handler.stream)
        return -ENOTSUP;
    r = service_upgrade(c->service->origin, &handler, &s);
    return r < 0 ? r : conn_upgrade(c, s, state, len);
}

static const char *
host_conn_listener(struct goevd_conn *c)
{
    return host_conn(c)->service->listener;
}

static size_t
host_json_escape(char *ret_text, size_t size, const char *chars, size_t len)
{
    struct text t = {.data = ret_text, .size = size};

    text_add_json_chars(&t, chars, len);
    return t.len;
}

static void
host_worker_replace(struct goevd_self *self, const char *why)
{
    const struct plugins *p = host_self(self)->plugins;

    if (p->replace)
        p->replace(p->replace_arg, why);
}

static bool
host_worker_is_replaced(struct goevd_self *self)
{
    return atomic_load_explicit(&host_self(self)->plugins->replaced, memory_order_relaxed);
}

static bool
host_worker_is_stopping(struct goevd_self *self)
{
    return atomic_load_explicit(&host_self(self)->plugins->stopping, memory_order_relaxed);
}

/* ---- Networks -------------------------------------------------------------------------------- */

static_assert(sizeof(struct goevd_cidr) == sizeof(struct cidr) &&
                  offsetof(struct goevd_cidr, prefix) == offsetof(struct cidr, prefix) &&
                  offsetof(struct goevd_cidr, ip) == offsetof(struct cidr, ip),
              "plugins know other networks");

static int
host_cidr_parse(const char *text, struct goevd_cidr *ret_cidr, char *ret_reason, size_t size)
{
    struct err err = {0};
    int r = cidr_parse(text, (struct cidr *)ret_cidr, &err);

    if (r < 0 && size > 0)
        snprintf(ret_reason, size, "%s", err.text);
    return r;
}

static bool
host_cidr_any(const struct goevd_cidr *cidrs, size_t count, const struct sockaddr *address)
{
    return cidr_any((const struct cidr *)cidrs, count, address);
}

PRINTF(3, 0)
static void
host_conn_log(struct goevd_conn *public, enum goevd_log_level level, const char *format,
              va_list args)
{
    const struct conn *c = host_conn(public);
    const struct service *s = c->service;
    struct sockaddr_storage peer;
    char client[ADDRESS_TEXT_MAX];
    struct log_about about = {.plugin = s->owner ? s->owner->plugin : NULL,
                              .listener = s->listener,
                              .client = client,
                              .connection = c->watch.id};
    socklen_t len;

    if (!log_wants((int)level))
        return;
    len = conn_peer_address(c, &peer);
    address_format((struct sockaddr *)&peer, len, client, sizeof(client));
    log_vabout(&about, (int)level, format, args);
}

static_assert(sizeof(struct goevd_hosted) == sizeof(struct place_hosted) &&
                  offsetof(struct goevd_hosted, callback) ==
                      offsetof(struct place_hosted, callback) &&
                  offsetof(struct place, hosted) == offsetof(struct goevd_place, hosted) &&
                  sizeof(_Atomic(const struct place_hosted *)) == sizeof(struct goevd_place),
              "hosts know another place");

static const struct goevd_owner *
host_plugin_owner(struct goevd_plugin *plugin)
{
    return (const struct goevd_owner *)&host_plugin(plugin)->owner;
}

static struct goevd_place *
host_poller_place(struct goevd_poller *poller)
{
    return (struct goevd_place *)(poller ? &host_poller(poller)->place : place_here);
}

static bool
host_is_strict(void)
{
    return false;
}

/* A plugin that hosts others has found it. */
static void
host_wrong_object(const char *function, const char *what, const void *caller)
{
    host_wrong(function, what, caller);
}

static void
host_check_conn(struct goevd_conn *c, const char *function, const void *caller)
{
    (void)c, (void)function, (void)caller;
}

const struct host_tables host_tables = {
    .core =
        {
            .version = GOEVD_VERSION_OF(struct goevd_host),
            .log = host_log,
            .refuse = host_refuse,
            .checking = host_checking,
            .now = host_now,
            .poller_now = host_poller_now,
            .timer_new = host_timer_new,
            .timer_free = host_timer_free,
            .timer_arm = host_timer_arm,
            .timer_cancel = host_timer_cancel,
            .conn_id = host_conn_id,
            .conn_instance = host_conn_instance,
            .conn_local = host_conn_local,
            .conn_poller = host_conn_poller,
            .conn_write = host_conn_write,
            .conn_reserve = host_conn_reserve,
            .conn_commit = host_conn_commit,
            .conn_queued = host_conn_queued,
            .conn_shutdown = host_conn_shutdown,
            .conn_close = host_conn_close,
            .conn_pause = host_conn_pause,
            .conn_resume = host_conn_resume,
            .conn_deadline = host_conn_deadline,
            .conn_timer_arm = host_conn_timer_arm,
            .conn_timer_cancel = host_conn_timer_cancel,
            .poller_local = host_poller_local,
            .options = host_options,
            .conn_log = host_conn_log,
            .conn = &host_tables.conn,
            .framing = &host_tables.framing,
            .threads = &host_tables.threads,
            .work = &host_tables.work,
            .cache = &host_tables.cache,
            .poller = &host_tables.poller,
            .connect = &host_tables.connect,
            .pool = &host_tables.pool,
            .metrics = &host_tables.metrics,
            .logfile = &host_tables.logfile,
            .proxy = &host_tables.proxy,
            .cidr = &host_tables.cidr,
            .worker = &host_tables.worker,
            .hosting = &host_tables.hosting,
            .file = &host_tables.file,
            .tls = &host_tables.tls,
        },
    .conn =
        {
            .version = GOEVD_VERSION_OF(struct goevd_host_conn),
            .conn_peer_address = host_conn_peer_address,
            .conn_local_address = host_conn_local_address,
            .conn_setsockopt = host_conn_setsockopt,
            .conn_bytes_in = host_conn_bytes_in,
            .conn_bytes_out = host_conn_bytes_out,
            .conn_write_shared = host_conn_write_shared,
            .conn_write_file = host_conn_write_file,
            .conn_need = host_conn_need,
            .conn_write_now = host_conn_write_now,
            .conn_splice = host_conn_splice,
            .conn_listener = host_conn_listener,
            .conn_tls = host_conn_tls,
        },
    .framing =
        {
            .version = GOEVD_VERSION_OF(struct goevd_host_framing),
            .conn_write_frame = host_conn_write_frame,
            .send_frame = host_send_frame,
        },
    .threads =
        {
            .version = GOEVD_VERSION_OF(struct goevd_host_threads),
            .send = host_send,
            .close = host_close,
            .call = host_call,
            .call_all = host_call_all,
            .conn_call = host_conn_call,
        },
    .work =
        {
            .version = GOEVD_VERSION_OF(struct goevd_host_work),
            .submit = host_submit,
        },
    .cache =
        {
            .version = GOEVD_VERSION_OF(struct goevd_host_cache),
            .cache_set = host_cache_set,
            .cache_get = host_cache_get,
        },
    .poller =
        {
            .version = GOEVD_VERSION_OF(struct goevd_host_poller),
            .poller_index = host_poller_index,
            .poller_clock = host_poller_clock,
            .watch_new = host_watch_new,
            .watch_free = host_watch_free,
            .watch_set = host_watch_set,
            .poller_count = host_poller_count,
        },
    .connect =
        {
            .version = GOEVD_VERSION_OF(struct goevd_host_connect),
            .address_check = host_address_check,
            .reactor_find = host_reactor_find,
            .connect = host_connect,
            .connect_cancel = host_connect_cancel,
        },
    .pool =
        {
            .version = GOEVD_VERSION_OF(struct goevd_host_pool),
            .pool_new = host_pool_new,
            .pool_acquire = host_pool_acquire,
            .pool_release = host_pool_release,
            .pool_reject = host_pool_reject,
            .pool_get_state = host_pool_get_state,
        },
    .metrics =
        {
            .version = GOEVD_VERSION_OF(struct goevd_host_metrics),
            .metric_new = host_metric_new,
            .metric_add = host_metric_add,
            .metric_set = host_metric_set,
            .metric_observe = host_metric_observe,
            .metric_share = host_metric_share,
            .metrics_text = host_metrics_text,
        },
    .logfile =
        {
            .version = GOEVD_VERSION_OF(struct goevd_host_logfile),
            .logfile_new = host_logfile_new,
            .logfile_reserve = host_logfile_reserve,
            .logfile_commit = host_logfile_commit,
            .json_escape = host_json_escape,
        },
    .proxy =
        {
            .version = GOEVD_VERSION_OF(struct goevd_host_proxy),
            .proxy_header = host_proxy_header,
            .conn_proxy_address = host_conn_proxy_address,
        },
    .cidr =
        {
            .version = GOEVD_VERSION_OF(struct goevd_host_cidr),
            .cidr_parse = host_cidr_parse,
            .cidr_any = host_cidr_any,
        },
    .worker =
        {
            .version = GOEVD_VERSION_OF(struct goevd_host_worker),
            .worker_replace = host_worker_replace,
            .worker_is_replaced = host_worker_is_replaced,
            .worker_is_stopping = host_worker_is_stopping,
        },
    .file =
        {
            .version = GOEVD_VERSION_OF(struct goevd_host_file),
            .file_read = host_file_read,
        },
    .tls =
        {
            .version = GOEVD_VERSION_OF(struct goevd_host_tls),
            .tls_new = host_tls_new,
        },
    .hosting =
        {
            .version = GOEVD_VERSION_OF(struct goevd_host_hosting),
            .plugin_interface = host_plugin_interface,
            .plugin_instance = host_plugin_instance,
            .conn_upgrade = host_conn_upgrade,
            .plugin_local = host_plugin_local,
            .is_strict = host_is_strict,
            .check_conn = host_check_conn,
            .wrong_object = host_wrong_object,
            .plugin_owner = host_plugin_owner,
            .poller_place = host_poller_place,
            .wrong_result = host_wrong_result,
        },
};
