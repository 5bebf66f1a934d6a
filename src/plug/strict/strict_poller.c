/* Functions of a poller, but for connections, timers and watches. */
#include "plug/strict/strict.h"

/* ---- Storage, options, time ------------------------------------------------------------------ */

static uint64_t
strict_poller_now(struct goevd_poller *poller)
{
    rule_poller(CALLER, poller);
    return host_tables.core.poller_now(poller);
}

static uint64_t
strict_poller_clock(struct goevd_poller *poller)
{
    rule_poller(CALLER, poller);
    return host_tables.poller.poller_clock(poller);
}

static void *
strict_poller_local(struct goevd_self *self, struct goevd_poller *poller)
{
    struct caller *k = CALLER;

    rule_self(k, self);
    rule_poller(k, poller);
    return host_tables.core.poller_local(self, poller);
}

static void *
strict_plugin_local(struct goevd_plugin *plugin, struct goevd_poller *poller)
{
    struct caller *k = CALLER;

    rule_plugin(k, plugin);
    rule_poller(k, poller);
    return host_tables.hosting.plugin_local(plugin, poller);
}

static const void *
strict_options(struct goevd_self *self, struct goevd_poller *poller)
{
    struct caller *k = CALLER;

    rule_self(k, self);
    rule_poller(k, poller);
    return host_tables.core.options(self, poller);
}

static const void *
strict_cache_get(struct goevd_self *self, struct goevd_poller *poller, uint32_t key,
                 size_t *ret_len)
{
    struct caller *k = CALLER;

    rule_self(k, self);
    rule_poller(k, poller);
    return host_tables.cache.cache_get(self, poller, key, ret_len);
}

static int
strict_submit(struct goevd_self *self, struct goevd_poller *poller, uint64_t conn_id,
              unsigned flags, goevd_job_fn job, goevd_done_fn done, void *arg)
{
    struct caller *k = CALLER;

    rule_self(k, self);
    rule_poller(k, poller);
    rule_given(k, job, "job");
    rule_given(k, done, "done, which always runs");
    return host_tables.work.submit(self, poller, conn_id, flags, job, done, arg);
}

/* ---- Connections that are opened from here --------------------------------------------------- */

static int
strict_connect(struct goevd_self *self, struct goevd_poller *poller,
               const struct goevd_connect_request *request, uint64_t *ret_id)
{
    struct caller *k = CALLER;

    rule_self(k, self);
    rule_poller(k, poller);
    rule_version(k, &request->version);
    return host_tables.connect.connect(self, poller, request, ret_id);
}

static void
strict_connect_cancel(struct goevd_poller *poller, uint64_t id)
{
    rule_poller(CALLER, poller);
    host_tables.connect.connect_cancel(poller, id);
}

static int
strict_pool_acquire(struct goevd_pool *pool, struct goevd_poller *poller,
                    const struct goevd_acquire_request *request)
{
    struct caller *k = CALLER;

    rule_given(k, pool, "pool");
    rule_poller(k, poller);
    rule_version(k, &request->version);
    return host_tables.pool.pool_acquire(pool, poller, request);
}

/* ---- Figures --------------------------------------------------------------------------------- */

static const struct catalog_family *
rule_metric(struct caller *k, struct goevd_self *self, struct goevd_poller *poller, int number)
{
    const struct instance *i = rule_self(k, self);
    const struct view_series *s = registry_find(&i->plugins->registry, number, i);

    rule_poller(k, poller);
    if (!s)
        rule_broken(k, "METRICS",
                    "was given the number %d, which goevd_metric_new() of this instance has not "
                    "returned",
                    number);
    return &s->family->about;
}

static void
strict_metric_add(struct goevd_self *self, struct goevd_poller *poller, int number, int64_t delta)
{
    struct caller *k = CALLER;
    const struct catalog_family *f = rule_metric(k, self, poller, number);

    if (f->type == GOEVD_METRIC_HISTOGRAM)
        rule_broken(k, "METRICS", "was given %s, which is a histogram", f->name);
    if (f->type == GOEVD_METRIC_COUNTER && delta < 0)
        rule_broken(k, "METRICS", "was to lower %s, a counter; only gauges can be lowered",
                    f->name);
    host_tables.metrics.metric_add(self, poller, number, delta);
}

static uint64_t *
strict_metric_share(struct goevd_self *self, struct goevd_poller *poller, int number)
{
    struct caller *k = CALLER;
    const struct catalog_family *f = rule_metric(k, self, poller, number);

    if (f->type == GOEVD_METRIC_HISTOGRAM)
        rule_broken(k, "METRICS", "was given %s, which is a histogram", f->name);
    return host_tables.metrics.metric_share(self, poller, number);
}

static void
strict_metric_set(struct goevd_self *self, struct goevd_poller *poller, int number, int64_t value)
{
    struct caller *k = CALLER;
    const struct catalog_family *f = rule_metric(k, self, poller, number);

    if (f->type != GOEVD_METRIC_GAUGE)
        rule_broken(k, "METRICS", "was given %s, which is no gauge", f->name);
    host_tables.metrics.metric_set(self, poller, number, value);
}

static void
strict_metric_observe(struct goevd_self *self, struct goevd_poller *poller, int number,
                      uint64_t value, uint64_t times)
{
    struct caller *k = CALLER;
    const struct catalog_family *f = rule_metric(k, self, poller, number);

    if (f->type != GOEVD_METRIC_HISTOGRAM)
        rule_broken(k, "METRICS", "was given %s, which is no histogram", f->name);
    host_tables.metrics.metric_observe(self, poller, number, value, times);
}

static int
strict_metrics_text(struct goevd_self *self, enum goevd_metrics_format format, char **ret_text,
                    size_t *ret_len)
{
    rule_self(CALLER, self);
    return host_tables.metrics.metrics_text(self, format, ret_text, ret_len);
}

/* ---- Lines ----------------------------------------------------------------------------------- */

static _Thread_local struct {
    const struct goevd_logfile *lines; /* NULL: no line is reserved */
    size_t len;
} line;

static char *
strict_logfile_reserve(struct goevd_logfile *lines, struct goevd_poller *poller, size_t len)
{
    struct caller *k = CALLER;
    char *room;

    rule_given(k, lines, "lines");
    rule_poller(k, poller);
    if (line.lines == lines)
        rule_broken(k, RULE_FUNCTIONS,
                    "was called again before goevd_logfile_commit() of the line before");
    if (len < 1 || len > GOEVD_LOGFILE_LINE_MAX)
        rule_broken(k, RULE_FUNCTIONS, "was asked for %zu bytes; 1 to %d can be had", len,
                    GOEVD_LOGFILE_LINE_MAX);
    room = host_tables.logfile.logfile_reserve(lines, poller, len);
    if (room) {
        line.lines = lines;
        line.len = len;
    }
    return room;
}

static void
strict_logfile_commit(struct goevd_logfile *lines, struct goevd_poller *poller, size_t len)
{
    struct caller *k = CALLER;

    rule_given(k, lines, "lines");
    rule_poller(k, poller);
    if (line.lines != lines)
        rule_broken(k, RULE_FUNCTIONS, "was called without goevd_logfile_reserve() before it");
    if (len > line.len)
        rule_broken(k, RULE_FUNCTIONS, "was given %zu bytes where %zu are reserved", len, line.len);
    line.lines = NULL;
    host_tables.logfile.logfile_commit(lines, poller, len);
}

void
strict_poller_fill(struct host_tables *table)
{
    table->core.poller_now = strict_poller_now;
    table->poller.poller_clock = strict_poller_clock;
    table->core.poller_local = strict_poller_local;
    table->hosting.plugin_local = strict_plugin_local;
    table->core.options = strict_options;
    table->cache.cache_get = strict_cache_get;
    table->work.submit = strict_submit;
    table->connect.connect = strict_connect;
    table->connect.connect_cancel = strict_connect_cancel;
    table->pool.pool_acquire = strict_pool_acquire;
    table->metrics.metric_add = strict_metric_add;
    table->metrics.metric_set = strict_metric_set;
    table->metrics.metric_observe = strict_metric_observe;
    table->metrics.metric_share = strict_metric_share;
    table->metrics.metrics_text = strict_metrics_text;
    table->logfile.logfile_reserve = strict_logfile_reserve;
    table->logfile.logfile_commit = strict_logfile_commit;
}
