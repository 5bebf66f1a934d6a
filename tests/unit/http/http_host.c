#include "unit/http/http_host.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <goevd/conn.h>
#include <goevd/hosting.h>
#include <goevd/logfile.h>
#include <goevd/metrics.h>

#define OUT_MAX (64 << 20)

struct goevd_self http_host_self;
struct goevd_timer *http_host_timer;
unsigned http_host_lines;

/* ---- Called by the plugin -------------------------------------------------------------------- */

GOEVD_PRINTF(3, 0)
static void
host_log(struct goevd_self *self, enum goevd_log_level level, const char *format, va_list args)
{
    (void)self, (void)level;
    vfprintf(stderr, format, args);
}

GOEVD_PRINTF(3, 0)
static int
host_refuse(struct goevd_self *self, const char *path, const char *format, va_list args)
{
    snprintf(self->path, sizeof(self->path), "%s", path);
    vsnprintf(self->text, sizeof(self->text), format, args);
    return -EINVAL;
}

static struct goevd_timer *
host_timer_new(struct goevd_poller *poller, goevd_timer_fn fn, void *arg)
{
    (void)poller;
    http_host_timer = calloc(1, sizeof(*http_host_timer));
    assert(http_host_timer != NULL);
    http_host_timer->fn = fn;
    http_host_timer->arg = arg;
    return http_host_timer;
}

static void
host_timer_free(struct goevd_timer *timer)
{
    free(timer);
}

static int
host_timer_arm(struct goevd_timer *timer, uint64_t delay_ns, uint64_t period_ns)
{
    assert(delay_ns <= UINT64_C(1000000000) && period_ns == 0);
    timer->armed = true;
    return 0;
}

static const void *
host_plugin_interface(struct goevd_plugin *plugin, const char *id)
{
    (void)id;
    return plugin->calls;
}

static void *
host_plugin_instance(struct goevd_plugin *plugin)
{
    return plugin->instance;
}

static uint64_t
host_poller_now(struct goevd_poller *poller)
{
    (void)poller;
    return 1;
}

static int
host_metric_new(struct goevd_self *self, const struct goevd_metric *metric,
                const char *const *values)
{
    (void)values;
    assert(metric->type != GOEVD_METRIC_HISTOGRAM);
    return self->metrics < HTTP_HOST_METRICS - 1 ? ++self->metrics : -ENOSPC;
}

static void
host_metric_add(struct goevd_self *self, struct goevd_poller *poller, int number, int64_t delta)
{
    (void)poller;
    assert(number >= 1 && number <= self->metrics);
    self->counted[number] += delta;
}

static void
host_metric_set(struct goevd_self *self, struct goevd_poller *poller, int number, int64_t value)
{
    (void)poller;
    assert(number >= 1 && number <= self->metrics);
    self->counted[number] = value;
}

static uint64_t *
host_metric_share(struct goevd_self *self, struct goevd_poller *poller, int number)
{
    (void)poller;
    assert(number >= 1 && number <= self->metrics);
    return (uint64_t *)&self->counted[number];
}

static void *
host_conn_local(struct goevd_conn *c)
{
    return c->host->local;
}

static void
host_make_room(struct goevd_conn *c, size_t len)
{
    if (c->out_len + len <= c->out_room)
        return;
    c->out_room = (c->out_len + len) * 2;
    assert(c->out_room < OUT_MAX);
    c->out = realloc(c->out, c->out_room);
    assert(c->out != NULL);
}

static int
host_queue(struct goevd_conn *c, size_t len)
{
    c->out_len += len;
    c->queued += len;
    if (c->high == 0 || c->queued <= c->high)
        return 0;
    c->above = true;
    return 1;
}

static void *
host_conn_reserve(struct goevd_conn *c, size_t len)
{
    assert(len >= 1 && len <= 65536 && c->reserved == 0 && !c->closed);
    if (c->cap != 0 && c->queued + len > c->cap)
        return NULL;
    host_make_room(c, len);
    c->reserved = len;
    return c->out + c->out_len;
}

static int
host_conn_commit(struct goevd_conn *c, size_t len)
{
    assert(len <= c->reserved && !c->closed);
    c->reserved = 0;
    return host_queue(c, len);
}

static int
host_conn_write(struct goevd_conn *c, const void *data, size_t len)
{
    assert(c->reserved == 0 && !c->closed);
    if (c->cap != 0 && c->queued + len > c->cap)
        return len > c->cap ? -EMSGSIZE : -ENOBUFS;
    host_make_room(c, len);
    memcpy(c->out + c->out_len, data, len);
    return host_queue(c, len);
}

static int
host_conn_write_shared(struct goevd_conn *c, const void *data, size_t len, goevd_release_fn release,
                       void *arg)
{
    int r = host_conn_write(c, data, len);

    if (r >= 0 && release != NULL)
        release(arg, 0);
    return r;
}

static size_t
host_conn_queued(struct goevd_conn *c)
{
    return c->queued;
}

static void
host_conn_close(struct goevd_conn *c, unsigned flags)
{
    assert(c->reserved == 0);
    c->close_flags = flags;
    c->closed = true;
}

static void
host_conn_pause(struct goevd_conn *c)
{
    c->again = false;
}

static void
host_conn_resume(struct goevd_conn *c)
{
    c->again = true;
}

static void
host_conn_deadline(struct goevd_conn *c, uint64_t delay_ns)
{
    c->deadline = delay_ns;
    c->deadline_calls++;
}

static uint64_t
host_now(void)
{
    return 2;
}

static socklen_t
host_conn_peer_address(struct goevd_conn *c, struct sockaddr_storage *ret_address)
{
    (void)c;
    *ret_address = (struct sockaddr_storage){.ss_family = AF_INET};
    return sizeof(struct sockaddr_in);
}

static const char *
host_conn_listener(struct goevd_conn *c)
{
    (void)c;
    return "unit";
}

/* The line that is being written, in memory of exactly its size. */
static char *host_line;
static size_t host_line_size;

static int
host_logfile_new(struct goevd_self *self, const char *name, const char *option, const char *path,
                 size_t buffer, struct goevd_logfile **ret_lines)
{
    (void)self, (void)name, (void)option, (void)path, (void)buffer;
    *ret_lines = (struct goevd_logfile *)&host_line;
    return 0;
}

static char *
host_logfile_reserve(struct goevd_logfile *lines, struct goevd_poller *poller, size_t len)
{
    (void)lines, (void)poller;
    assert(host_line == NULL);
    host_line = malloc(len);
    host_line_size = len;
    assert(host_line != NULL);
    return host_line;
}

static void
host_logfile_commit(struct goevd_logfile *lines, struct goevd_poller *poller, size_t len)
{
    (void)lines, (void)poller;
    assert(len != 0 && len <= host_line_size && host_line[len - 1] == '\n');
    for (size_t i = 0; i + 1 < len; i++)
        assert((unsigned char)host_line[i] >= ' ' && host_line[i] != 0x7f);
    free(host_line);
    host_line = NULL;
    http_host_lines++;
}

static bool
host_is_strict(void)
{
    return false;
}

static const struct goevd_owner *
host_plugin_owner(struct goevd_plugin *plugin)
{
    return (const struct goevd_owner *)plugin;
}

static struct goevd_place *
host_poller_place(struct goevd_poller *poller)
{
    static struct goevd_place place;

    (void)poller;
    return &place;
}

static struct goevd_str
host_conn_tls(struct goevd_conn *c, enum goevd_tls_fact fact)
{
    (void)c, (void)fact;
    return (struct goevd_str){0};
}

static const struct goevd_host_conn host_conn = {
    .version = GOEVD_VERSION_OF(struct goevd_host_conn),
    .conn_write_shared = host_conn_write_shared,
    .conn_peer_address = host_conn_peer_address,
    .conn_listener = host_conn_listener,
    .conn_tls = host_conn_tls,
};

static const struct goevd_host_hosting host_hosting = {
    .version = GOEVD_VERSION_OF(struct goevd_host_hosting),
    .plugin_interface = host_plugin_interface,
    .plugin_instance = host_plugin_instance,
    .is_strict = host_is_strict,
    .plugin_owner = host_plugin_owner,
    .poller_place = host_poller_place,
};

static const struct goevd_host_logfile host_logfile = {
    .version = GOEVD_VERSION_OF(struct goevd_host_logfile),
    .logfile_new = host_logfile_new,
    .logfile_reserve = host_logfile_reserve,
    .logfile_commit = host_logfile_commit,
};

static const struct goevd_host_metrics host_metrics = {
    .version = GOEVD_VERSION_OF(struct goevd_host_metrics),
    .metric_new = host_metric_new,
    .metric_add = host_metric_add,
    .metric_set = host_metric_set,
    .metric_share = host_metric_share,
};

static const struct goevd_host host_table = {
    .version = GOEVD_VERSION_OF(struct goevd_host),
    .log = host_log,
    .refuse = host_refuse,
    .poller_now = host_poller_now,
    .timer_new = host_timer_new,
    .timer_free = host_timer_free,
    .timer_arm = host_timer_arm,
    .conn_local = host_conn_local,
    .conn_write = host_conn_write,
    .conn_reserve = host_conn_reserve,
    .conn_commit = host_conn_commit,
    .conn_queued = host_conn_queued,
    .conn_close = host_conn_close,
    .conn_pause = host_conn_pause,
    .conn_resume = host_conn_resume,
    .conn_deadline = host_conn_deadline,
    .now = host_now,
    .conn = &host_conn,
    .hosting = &host_hosting,
    .logfile = &host_logfile,
    .metrics = &host_metrics,
};

/* ---- Called by the tests --------------------------------------------------------------------- */

struct http_options
http_host_options(const struct http_options_route *routes, size_t count)
{
    static const struct http_options_http2 no_http2;

    return (struct http_options){
        .server = {"goevd", 5},
        .http2 = &no_http2,
        .header_timeout_ns = INT64_C(10000000000),
        .body_timeout_ns = INT64_C(30000000000),
        .stop_grace_ns = INT64_C(1000000000),
        .body_rate = 1024,
        .body_max = 1 << 20,
        .request_line_max = 8192,
        .header_bytes_max = 16384,
        .headers_max = 100,
        .body_discard_max = 1 << 20,
        .pipeline_max = 256,
        .routes = {routes, count},
    };
}

int
http_host_init(struct http_host *host, const struct http_options *options)
{
    int r;

    *goevd_plugin_entry.host = &host_table;
    memset(&http_host_self, 0, sizeof(http_host_self));
    *host = (struct http_host){.stream = goevd_plugin_entry.interface(GOEVD_STREAM)};
    r = goevd_plugin_entry.create(&http_host_self, options, &host->instance);
    if (r < 0)
        return r;
    assert(host->stream->conn_size <= sizeof(((struct goevd_conn *)0)->state));
    return goevd_plugin_entry.poller_start(host->instance, NULL, &host->local);
}

void
http_host_fini(struct http_host *host)
{
    goevd_plugin_entry.poller_stop(host->instance, NULL, host->local);
    goevd_plugin_entry.destroy(host->instance);
}

void
http_conn_init(struct goevd_conn *c, struct http_host *host)
{
    *c = (struct goevd_conn){.host = host};
}

void
http_conn_fini(struct goevd_conn *c)
{
    free(c->in);
    free(c->out);
}

void
http_conn_clear(struct goevd_conn *c)
{
    c->out_len = c->queued = 0;
}

/* Memory of exactly that size, so that a sanitizer detects reads past it. */
static char *
host_join(const char *a, size_t a_len, const char *b, size_t b_len)
{
    char *all = malloc(a_len + b_len);

    assert(all != NULL || a_len + b_len == 0);
    if (a_len != 0)
        memcpy(all, a, a_len);
    if (b_len != 0)
        memcpy(all + a_len, b, b_len);
    return all;
}

static void
host_read(struct goevd_conn *c, size_t fresh)
{
    unsigned flags = c->in_max != 0 && c->in_len >= c->in_max ? GOEVD_READ_FULL : 0;
    ptrdiff_t n = c->host->stream->on_read(c, c->state, c->in, c->in_len, fresh, flags);
    char *rest;

    c->reads++;
    assert(n <= (ptrdiff_t)c->in_len && c->reserved == 0);
    if (n < 0) {
        c->closed = true;
        return;
    }
    rest = host_join(c->in + n, c->in_len - (size_t)n, NULL, 0);
    free(c->in);
    c->in = rest;
    c->in_len -= (size_t)n;
}

static void
host_read_again(struct goevd_conn *c)
{
    while (c->again && !c->closed) {
        c->again = false;
        if (c->in_len != 0)
            host_read(c, c->in_len);
    }
}

void
http_conn_feed(struct goevd_conn *c, const char *data, size_t len)
{
    size_t before = c->in_len;
    char *all;

    if (c->closed || len == 0)
        return;
    all = host_join(c->in, before, data, len);
    free(c->in);
    c->in = all;
    c->in_len += len;
    if (c->above)
        return;
    host_read(c, before);
    host_read_again(c);
}

void
http_conn_feed_cut(struct goevd_conn *c, const char *data, size_t len, size_t piece)
{
    for (size_t at = 0; at < len; at += piece)
        http_conn_feed(c, data + at, len - at < piece ? len - at : piece);
}

void
http_conn_eof(struct goevd_conn *c)
{
    if (!c->closed && c->host->stream->on_eof(c, c->state) < 0)
        c->closed = true;
}

void
http_conn_drain(struct goevd_conn *c)
{
    c->queued = 0;
    if (!c->above)
        return;
    c->above = false;
    if (!c->closed && c->host->stream->on_drained(c, c->state) < 0)
        c->closed = true;
    if (!c->closed && c->in_len != 0)
        host_read(c, c->in_len);
    host_read_again(c);
}
