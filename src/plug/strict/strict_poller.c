/* Functions of a poller, but for connections, timers and watches. */
#include "plug/strict/strict.h"

/* ---- Storage, options, time ------------------------------------------------------------------ */

static uint64_t
strict_poller_now(struct goevd_poller *poller)
{
    rule_poller(CALLER, poller);
    return plugins_host.poller_now(poller);
}

static void *
strict_poller_local(struct goevd_self *self, struct goevd_poller *poller)
{
    struct caller *k = CALLER;

    rule_self(k, self);
    rule_poller(k, poller);
    return plugins_host.poller_local(self, poller);
}

static void *
strict_plugin_local(struct goevd_plugin *plugin, struct goevd_poller *poller)
{
    struct caller *k = CALLER;

    rule_plugin(k, plugin);
    rule_poller(k, poller);
    return plugins_host.plugin_local(plugin, poller);
}

static const void *
strict_options(struct goevd_self *self, struct goevd_poller *poller)
{
    struct caller *k = CALLER;

    rule_self(k, self);
    rule_poller(k, poller);
    return plugins_host.options(self, poller);
}

static const void *
strict_cache_get(struct goevd_self *self, struct goevd_poller *poller, uint32_t key,
                 size_t *ret_len)
{
    struct caller *k = CALLER;

    rule_self(k, self);
    rule_poller(k, poller);
    return plugins_host.cache_get(self, poller, key, ret_len);
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
    return plugins_host.submit(self, poller, conn_id, flags, job, done, arg);
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
    return plugins_host.connect(self, poller, request, ret_id);
}

static void
strict_connect_cancel(struct goevd_poller *poller, uint64_t id)
{
    rule_poller(CALLER, poller);
    plugins_host.connect_cancel(poller, id);
}

static int
strict_pool_acquire(struct goevd_pool *pool, struct goevd_poller *poller,
                    const struct goevd_acquire_request *request)
{
    struct caller *k = CALLER;

    rule_given(k, pool, "pool");
    rule_poller(k, poller);
    rule_version(k, &request->version);
    return plugins_host.pool_acquire(pool, poller, request);
}

/* ---- Figures --------------------------------------------------------------------------------- */

static const struct plug_figure *
rule_figure(struct caller *k, struct goevd_self *self, struct goevd_poller *poller, int number)
{
    const struct instance *i = rule_self(k, self);
    const struct plug_figure *f = i->plugins->figures.first;

    rule_poller(k, poller);
    while (f && (f->instance != i || f->read || plug_figure_number(f) != number))
        f = f->next;
    if (!f)
        rule_broken(k, "FIGURES",
                    "was given the number %d, which goevd_figure_new() of this instance has not "
                    "returned",
                    number);
    return f;
}

static void
strict_figure_add(struct goevd_self *self, struct goevd_poller *poller, int number, int64_t delta)
{
    struct caller *k = CALLER;
    const struct plug_figure *f = rule_figure(k, self, poller, number);

    if (f->type == GOEVD_FIGURE_HISTOGRAM)
        rule_broken(k, "FIGURES", "was given %s, which is a histogram", f->name);
    if (f->type == GOEVD_FIGURE_COUNTER && delta < 0)
        rule_broken(k, "FIGURES", "was to lower %s, a counter; only gauges can be lowered",
                    f->name);
    plugins_host.figure_add(self, poller, number, delta);
}

static void
strict_figure_set(struct goevd_self *self, struct goevd_poller *poller, int number, int64_t value)
{
    struct caller *k = CALLER;
    const struct plug_figure *f = rule_figure(k, self, poller, number);

    if (f->type != GOEVD_FIGURE_GAUGE)
        rule_broken(k, "FIGURES", "was given %s, which is no gauge", f->name);
    plugins_host.figure_set(self, poller, number, value);
}

static void
strict_figure_observe(struct goevd_self *self, struct goevd_poller *poller, int number,
                      uint64_t value)
{
    struct caller *k = CALLER;
    const struct plug_figure *f = rule_figure(k, self, poller, number);

    if (f->type != GOEVD_FIGURE_HISTOGRAM)
        rule_broken(k, "FIGURES", "was given %s, which is no histogram", f->name);
    plugins_host.figure_observe(self, poller, number, value);
}

/* ---- Lines ----------------------------------------------------------------------------------- */

static _Thread_local struct {
    const struct goevd_lines *lines; /* NULL: no line is reserved */
    size_t len;
} line;

static char *
strict_lines_reserve(struct goevd_lines *lines, struct goevd_poller *poller, size_t len)
{
    struct caller *k = CALLER;
    char *room;

    rule_given(k, lines, "lines");
    rule_poller(k, poller);
    if (line.lines == lines)
        rule_broken(k, RULE_FUNCTIONS,
                    "was called again before goevd_lines_commit() of the line before");
    if (len < 1 || len > GOEVD_LINE_MAX)
        rule_broken(k, RULE_FUNCTIONS, "was asked for %zu bytes; 1 to %d can be had", len,
                    GOEVD_LINE_MAX);
    room = plugins_host.lines_reserve(lines, poller, len);
    if (room) {
        line.lines = lines;
        line.len = len;
    }
    return room;
}

static void
strict_lines_commit(struct goevd_lines *lines, struct goevd_poller *poller, size_t len)
{
    struct caller *k = CALLER;

    rule_given(k, lines, "lines");
    rule_poller(k, poller);
    if (line.lines != lines)
        rule_broken(k, RULE_FUNCTIONS, "was called without goevd_lines_reserve() before it");
    if (len > line.len)
        rule_broken(k, RULE_FUNCTIONS, "was given %zu bytes where %zu are reserved", len, line.len);
    line.lines = NULL;
    plugins_host.lines_commit(lines, poller, len);
}

void
strict_poller_fill(struct goevd_host *table)
{
    table->poller_now = strict_poller_now;
    table->poller_local = strict_poller_local;
    table->plugin_local = strict_plugin_local;
    table->options = strict_options;
    table->cache_get = strict_cache_get;
    table->submit = strict_submit;
    table->connect = strict_connect;
    table->connect_cancel = strict_connect_cancel;
    table->pool_acquire = strict_pool_acquire;
    table->figure_add = strict_figure_add;
    table->figure_set = strict_figure_set;
    table->figure_observe = strict_figure_observe;
    table->lines_reserve = strict_lines_reserve;
    table->lines_commit = strict_lines_commit;
}
