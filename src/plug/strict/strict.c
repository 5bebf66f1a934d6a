/* The table for strict plugins, with the functions that only create may call and those that may be
 * called anywhere. */
#include "plug/strict/strict.h"

/* ---- In create ------------------------------------------------------------------------------- */

PRINTF(3, 0)
static int
strict_refuse(struct goevd_self *self, const char *path, const char *format, va_list args)
{
    rule_refuse(CALLER, self);
    return host_tables.core.refuse(self, path, format, args);
}

static int
strict_pool_new(struct goevd_self *self, const struct goevd_pool_config *config,
                struct goevd_pool **ret_pool)
{
    struct caller *k = CALLER;

    rule_create(k, self);
    rule_version(k, &config->version);
    return host_tables.pool.pool_new(self, config, ret_pool);
}

static int
strict_metric_new(struct goevd_self *self, const struct goevd_metric *about,
                  const char *const *values)
{
    rule_create(CALLER, self);
    return host_tables.metrics.metric_new(self, about, values);
}

static int
strict_logfile_new(struct goevd_self *self, const char *name, const char *option, const char *path,
                   size_t buffer, struct goevd_logfile **ret_lines)
{
    rule_create(CALLER, self);
    return host_tables.logfile.logfile_new(self, name, option, path, buffer, ret_lines);
}

static int
strict_file_read(struct goevd_self *self, const char *path, size_t max, char **ret_text,
                 size_t *ret_len)
{
    rule_create(CALLER, self);
    return host_tables.file.file_read(self, path, max, ret_text, ret_len);
}

static int
strict_tls_new(struct goevd_self *self, const char *option, const struct goevd_tls_options *options,
               const char *to, struct goevd_tls **ret_tls)
{
    rule_create(CALLER, self);
    return host_tables.tls.tls_new(self, option, options, to, ret_tls);
}

/* ---- Anywhere -------------------------------------------------------------------------------- */

PRINTF(3, 0)
static void
strict_log(struct goevd_self *self, enum goevd_log_level level, const char *format, va_list args)
{
    rule_self(CALLER, self);
    host_tables.core.log(self, level, format, args);
}

static const void *
strict_plugin_interface(struct goevd_plugin *plugin, const char *id)
{
    rule_plugin(CALLER, plugin);
    return host_tables.hosting.plugin_interface(plugin, id);
}

static void *
strict_plugin_instance(struct goevd_plugin *plugin)
{
    rule_plugin(CALLER, plugin);
    return host_tables.hosting.plugin_instance(plugin);
}

static int
strict_reactor_find(struct goevd_self *self, const char *name)
{
    rule_self(CALLER, self);
    return host_tables.connect.reactor_find(self, name);
}

static void
strict_worker_replace(struct goevd_self *self, const char *why)
{
    rule_self(CALLER, self);
    host_tables.worker.worker_replace(self, why);
}

static bool
strict_checking(struct goevd_self *self)
{
    rule_self(CALLER, self);
    return host_tables.core.checking(self);
}

static bool
strict_worker_is_replaced(struct goevd_self *self)
{
    rule_self(CALLER, self);
    return host_tables.worker.worker_is_replaced(self);
}

static bool
strict_worker_is_stopping(struct goevd_self *self)
{
    rule_self(CALLER, self);
    return host_tables.worker.worker_is_stopping(self);
}

static void
strict_pool_get_state(struct goevd_pool *pool, struct goevd_pool_state *ret)
{
    struct caller *k = CALLER;

    rule_given(k, pool, "pool");
    rule_version(k, &ret->version);
    host_tables.pool.pool_get_state(pool, ret);
}

static void
strict_wrong_result(int64_t result, const char *may)
{
    rule_result(result, may);
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
    return host_tables.threads.send(self, conn_id, data, len, cookie);
}

static int
strict_send_frame(struct goevd_self *self, uint64_t conn_id, const void *data, size_t len,
                  uint64_t cookie)
{
    rule_self(CALLER, self);
    return host_tables.framing.send_frame(self, conn_id, data, len, cookie);
}

static int
strict_close(uint64_t conn_id, unsigned flags)
{
    rule_close_flags(CALLER, flags);
    return host_tables.threads.close(conn_id, flags);
}

static int
strict_call(struct goevd_self *self, unsigned poller, goevd_call_fn fn, void *arg)
{
    struct caller *k = CALLER;

    rule_self(k, self);
    rule_given(k, fn, "function");
    return host_tables.threads.call(self, poller, fn, arg);
}

static int
strict_call_all(struct goevd_self *self, goevd_call_fn fn, goevd_called_fn done, void *arg)
{
    struct caller *k = CALLER;

    rule_self(k, self);
    rule_given(k, fn, "function");
    return host_tables.threads.call_all(self, fn, done, arg);
}

static int
strict_conn_call(struct goevd_self *self, uint64_t conn_id, goevd_conn_call_fn fn, void *arg)
{
    struct caller *k = CALLER;

    rule_self(k, self);
    rule_given(k, fn, "function");
    return host_tables.threads.conn_call(self, conn_id, fn, arg);
}

static int
strict_cache_set(struct goevd_self *self, uint32_t key, const void *data, size_t len)
{
    rule_self(CALLER, self);
    return host_tables.cache.cache_set(self, key, data, len);
}

/* ---- The table ------------------------------------------------------------------------------- */

static void
strict_any_fill(struct host_tables *table)
{
    table->core.refuse = strict_refuse;
    table->core.checking = strict_checking;
    table->pool.pool_new = strict_pool_new;
    table->metrics.metric_new = strict_metric_new;
    table->logfile.logfile_new = strict_logfile_new;
    table->file.file_read = strict_file_read;
    table->tls.tls_new = strict_tls_new;
    table->core.log = strict_log;
    table->hosting.plugin_interface = strict_plugin_interface;
    table->hosting.plugin_instance = strict_plugin_instance;
    table->connect.reactor_find = strict_reactor_find;
    table->worker.worker_replace = strict_worker_replace;
    table->worker.worker_is_replaced = strict_worker_is_replaced;
    table->worker.worker_is_stopping = strict_worker_is_stopping;
    table->pool.pool_get_state = strict_pool_get_state;
    table->threads.send = strict_send;
    table->framing.send_frame = strict_send_frame;
    table->threads.close = strict_close;
    table->threads.call = strict_call;
    table->threads.call_all = strict_call_all;
    table->threads.conn_call = strict_conn_call;
    table->cache.cache_set = strict_cache_set;
    table->hosting.is_strict = strict_is_strict;
    table->hosting.wrong_result = strict_wrong_result;
}

/* A function that is not put in asks nothing of its caller. */
const struct goevd_host *
strict_host(const struct plugins *p)
{
    static struct host_tables table;

    rule_begin(p);
    table = host_tables;
    table.core.conn = &table.conn;
    table.core.framing = &table.framing;
    table.core.threads = &table.threads;
    table.core.work = &table.work;
    table.core.cache = &table.cache;
    table.core.poller = &table.poller;
    table.core.connect = &table.connect;
    table.core.pool = &table.pool;
    table.core.metrics = &table.metrics;
    table.core.logfile = &table.logfile;
    table.core.proxy = &table.proxy;
    table.core.cidr = &table.cidr;
    table.core.worker = &table.worker;
    table.core.hosting = &table.hosting;
    table.core.file = &table.file;
    table.core.tls = &table.tls;
    strict_any_fill(&table);
    strict_poller_fill(&table);
    strict_conn_fill(&table);
    strict_made_fill(&table);
    return &table.core;
}
