/* The table for plugins that are held to the rules, with what only create may call and what may be
 * called anywhere. */
#include "plug/strict/strict.h"

/* ---- In create ------------------------------------------------------------------------------- */

PRINTF(3, 0)
static int
strict_refuse(struct goevd_self *self, const char *path, const char *format, va_list args)
{
    rule_refuse(CALLER, self);
    return plugins_host.refuse(self, path, format, args);
}

static int
strict_pool_new(struct goevd_self *self, const struct goevd_pool_config *config,
                struct goevd_pool **ret_pool)
{
    struct caller *k = CALLER;

    rule_create(k, self);
    rule_version(k, &config->version);
    return plugins_host.pool_new(self, config, ret_pool);
}

static int
strict_figure_new(struct goevd_self *self, const char *name, const char *unit, const char *help,
                  enum goevd_figure_type type)
{
    rule_create(CALLER, self);
    return plugins_host.figure_new(self, name, unit, help, type);
}

static int
strict_lines_new(struct goevd_self *self, const char *name, const char *option, const char *path,
                 size_t buffer, struct goevd_lines **ret_lines)
{
    rule_create(CALLER, self);
    return plugins_host.lines_new(self, name, option, path, buffer, ret_lines);
}

/* ---- Anywhere -------------------------------------------------------------------------------- */

PRINTF(3, 0)
static void
strict_log(struct goevd_self *self, enum goevd_log_level level, const char *format, va_list args)
{
    rule_self(CALLER, self);
    plugins_host.log(self, level, format, args);
}

static const void *
strict_plugin_interface(struct goevd_plugin *plugin, const char *id)
{
    rule_plugin(CALLER, plugin);
    return plugins_host.plugin_interface(plugin, id);
}

static void *
strict_plugin_instance(struct goevd_plugin *plugin)
{
    rule_plugin(CALLER, plugin);
    return plugins_host.plugin_instance(plugin);
}

static int
strict_reactor_find(struct goevd_self *self, const char *name)
{
    rule_self(CALLER, self);
    return plugins_host.reactor_find(self, name);
}

static void
strict_worker_replace(struct goevd_self *self, const char *why)
{
    rule_self(CALLER, self);
    plugins_host.worker_replace(self, why);
}

static void
strict_pool_figures(struct goevd_pool *pool, struct goevd_pool_state *ret)
{
    struct caller *k = CALLER;

    rule_given(k, pool, "pool");
    rule_version(k, &ret->version);
    plugins_host.pool_figures(pool, ret);
}

static bool
strict_is_strict(void)
{
    return true;
}

/* ---- From anywhere to a poller --------------------------------------------------------------- */

static int
strict_send(struct goevd_self *self, uint64_t conn_id, const void *data, size_t len,
            uint64_t cookie)
{
    rule_self(CALLER, self);
    return plugins_host.send(self, conn_id, data, len, cookie);
}

static int
strict_send_frame(struct goevd_self *self, uint64_t conn_id, const void *data, size_t len,
                  uint64_t cookie)
{
    rule_self(CALLER, self);
    return plugins_host.send_frame(self, conn_id, data, len, cookie);
}

static int
strict_close(uint64_t conn_id, unsigned flags)
{
    rule_close_flags(CALLER, flags);
    return plugins_host.close(conn_id, flags);
}

static int
strict_call(struct goevd_self *self, unsigned poller, goevd_call_fn fn, void *arg)
{
    struct caller *k = CALLER;

    rule_self(k, self);
    rule_given(k, fn, "function");
    return plugins_host.call(self, poller, fn, arg);
}

static int
strict_call_all(struct goevd_self *self, goevd_call_fn fn, goevd_called_fn done, void *arg)
{
    struct caller *k = CALLER;

    rule_self(k, self);
    rule_given(k, fn, "function");
    return plugins_host.call_all(self, fn, done, arg);
}

static int
strict_conn_call(struct goevd_self *self, uint64_t conn_id, goevd_conn_call_fn fn, void *arg)
{
    struct caller *k = CALLER;

    rule_self(k, self);
    rule_given(k, fn, "function");
    return plugins_host.conn_call(self, conn_id, fn, arg);
}

static int
strict_cache_set(struct goevd_self *self, uint32_t key, const void *data, size_t len)
{
    rule_self(CALLER, self);
    return plugins_host.cache_set(self, key, data, len);
}

/* ---- The table ------------------------------------------------------------------------------- */

static void
strict_any_fill(struct goevd_host *table)
{
    table->refuse = strict_refuse;
    table->pool_new = strict_pool_new;
    table->figure_new = strict_figure_new;
    table->lines_new = strict_lines_new;
    table->log = strict_log;
    table->plugin_interface = strict_plugin_interface;
    table->plugin_instance = strict_plugin_instance;
    table->reactor_find = strict_reactor_find;
    table->worker_replace = strict_worker_replace;
    table->pool_figures = strict_pool_figures;
    table->send = strict_send;
    table->send_frame = strict_send_frame;
    table->close = strict_close;
    table->call = strict_call;
    table->call_all = strict_call_all;
    table->conn_call = strict_conn_call;
    table->cache_set = strict_cache_set;
    table->is_strict = strict_is_strict;
}

/* A function that is not put in asks nothing of its caller. */
const struct goevd_host *
strict_host(const struct plugins *p)
{
    static struct goevd_host table;

    rule_begin(p);
    table = plugins_host;
    strict_any_fill(&table);
    strict_poller_fill(&table);
    strict_conn_fill(&table);
    strict_made_fill(&table);
    return &table;
}
