/* The shared part of the host's files: how public pointers become the host's own.
 *
 *   host.c          the table of functions, connections, logging
 *   host_call.c     calls to other pollers, the cache of values
 *   host_connect.c  outgoing connections
 *   host_file.c     files that plugins read while they start
 *   host_logfile.c  log files of plugins
 *   host_metric.c   metrics
 *   host_poller.c   pollers, timers, watches, options
 *   host_pool.c     connect pools
 *   host_tls.c      TLS of outgoing connections
 *   host_work.c     jobs on the work pool
 *   host_wrong.c    the end after a call with a wrong pointer
 */
#pragma once

#include <assert.h>

#include "base/magic.h"
#include "net/conn/conn.h"
#include "plug/host/host.h"

/* A plugin has called a function with a pointer to no such object, or to one that is freed: log
 * both, and abort. `function` is __func__ of the one in the table: host_ and the name. */
_Noreturn void host_wrong(const char *function, const char *what, const void *caller);

/* In a function of a table, whose caller is the plugin. The members of `object` are read only if it
 * is one. */
#define HOST_CHECK(object, number, what)                                                           \
    (unlikely(!(object) || (object)->magic != (number))                                            \
         ? host_wrong(__func__, (what), __builtin_return_address(0))                               \
         : (void)0)

/* A connection has no room for a magic number. The function that its events call serves as one, and
 * is cleared when the connection is freed. */
#define host_conn(public) host_conn_of((public), __func__, __builtin_return_address(0))

/* The same for functions that each message calls. Its check costs nothing more than that of the
 * owner: a connection that is freed has a service without a poller. A pointer to something else is
 * not recognized, and ends in a fault as a rule. */
#define host_conn_hot(public) host_conn_quick((public), __func__, __builtin_return_address(0))

static inline struct conn *
host_conn_quick(struct goevd_conn *public, const char *function, const void *caller)
{
    struct conn *c = (struct conn *)public;

    if (unlikely(c->service->net->poller != poller_current))
        host_wrong(function, "connection of this poller", caller);
    return c;
}

static inline struct conn *
host_conn_of(struct goevd_conn *public, const char *function, const void *caller)
{
    if (unlikely(!public || !conn_is_one((struct conn *)public)))
        host_wrong(function, "connection", caller);
    return host_conn_quick(public, function, caller);
}

static inline struct poller *
host_poller(struct goevd_poller *public)
{
    struct poller *p = (struct poller *)public;

    assert(p == poller_current);
    return p;
}

#define host_self(self) host_instance_of((self), __func__, __builtin_return_address(0))
#define host_plugin(plugin) host_instance_of((plugin), __func__, __builtin_return_address(0))

static inline struct instance *
host_instance_of(void *public, const char *function, const void *caller)
{
    struct instance *i = public;

    if (unlikely(!i || i->magic != INSTANCE_MAGIC))
        host_wrong(function, "instance", caller);
    return i;
}

/* Calls that need running pollers return -ECANCELED then. */
bool host_checking(struct goevd_self *self);

unsigned host_poller_index(struct goevd_poller *poller);
uint64_t host_poller_now(struct goevd_poller *poller);
uint64_t host_poller_clock(struct goevd_poller *poller);
void *host_poller_local(struct goevd_self *self, struct goevd_poller *poller);

struct goevd_timer *host_timer_new(struct goevd_poller *poller, goevd_timer_fn fn, void *arg);
void host_timer_free(struct goevd_timer *t);
int host_timer_arm(struct goevd_timer *t, uint64_t delay_ns, uint64_t period_ns);
void host_timer_cancel(struct goevd_timer *t);

struct goevd_watch *host_watch_new(struct goevd_poller *poller, int fd, goevd_watch_fn fn,
                                   void *arg);
void host_watch_free(struct goevd_watch *w);
int host_watch_set(struct goevd_watch *w, unsigned events);

int host_submit(struct goevd_self *self, struct goevd_poller *poller, uint64_t conn_id,
                unsigned flags, goevd_job_fn run, goevd_done_fn done, void *arg);

int host_address_check(const char *text, char *ret_reason, size_t size);
int host_reactor_find(struct goevd_self *self, const char *name);
int host_connect(struct goevd_self *self, struct goevd_poller *poller,
                 const struct goevd_connect_request *request, uint64_t *ret_id);
void host_connect_cancel(struct goevd_poller *poller, uint64_t id);

int host_pool_new(struct goevd_self *self, const struct goevd_pool_config *config,
                  struct goevd_pool **ret);
int host_pool_acquire(struct goevd_pool *pool, struct goevd_poller *poller,
                      const struct goevd_acquire_request *request);
int host_pool_release(struct goevd_conn *c);
int host_pool_reject(struct goevd_conn *c);
void host_pool_get_state(struct goevd_pool *pool, struct goevd_pool_state *ret);

int host_metric_new(struct goevd_self *self, const struct goevd_metric *about,
                    const char *const *values);
void host_metric_add(struct goevd_self *self, struct goevd_poller *poller, int number,
                     int64_t delta);
void host_metric_set(struct goevd_self *self, struct goevd_poller *poller, int number,
                     int64_t value);
int host_metrics_text(struct goevd_self *self, enum goevd_metrics_format format, char **ret_text,
                      size_t *ret_len);
uint64_t *host_metric_share(struct goevd_self *self, struct goevd_poller *poller, int number);
void host_metric_observe(struct goevd_self *self, struct goevd_poller *poller, int number,
                         uint64_t value, uint64_t times);

int host_refuse(struct goevd_self *self, const char *path, const char *format, va_list args);

/* host_tls.c: for outgoing connections; NULL: none. */
int host_tls_new(struct goevd_self *self, const char *option, const struct goevd_tls_options *options,
                 const char *to, struct goevd_tls **ret_tls);
const struct tls_connect *host_tls_get(const struct goevd_tls *tls);

int host_file_read(struct goevd_self *self, const char *path, size_t max, char **ret_text,
                   size_t *ret_len);

int host_logfile_new(struct goevd_self *self, const char *name, const char *option,
                     const char *path, size_t buffer, struct goevd_logfile **ret_lines);
char *host_logfile_reserve(struct goevd_logfile *l, struct goevd_poller *poller, size_t len);
void host_logfile_commit(struct goevd_logfile *l, struct goevd_poller *poller, size_t len);

const void *host_options(struct goevd_self *self, struct goevd_poller *poller);

/* The connection of that id, which may be 0; NULL if it has closed, or has gone to another handler.
 */
struct conn *host_conn_find(const struct instance *i, struct poller *p, uint64_t id);

unsigned host_poller_count(void);
int host_call(struct goevd_self *self, unsigned poller, goevd_call_fn fn, void *arg);
int host_conn_call(struct goevd_self *self, uint64_t conn_id, goevd_conn_call_fn fn, void *arg);
int host_call_all(struct goevd_self *self, goevd_call_fn fn, goevd_called_fn done, void *arg);
int host_cache_set(struct goevd_self *self, uint32_t key, const void *data, size_t len);
const void *host_cache_get(struct goevd_self *self, struct goevd_poller *poller, uint32_t key,
                           size_t *ret_len);
