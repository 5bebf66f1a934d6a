/* Between the host_*.c files: how public pointers become the host's own. */
#pragma once

#include <assert.h>

#include "net/conn/conn.h"
#include "plug/plugins.h"

static inline struct conn *
host_conn(struct goevd_conn *public)
{
    struct conn *c = (struct conn *)public;

    assert(c->service->net->poller == poller_current);
    return c;
}

static inline struct poller *
host_poller(struct goevd_poller *public)
{
    struct poller *p = (struct poller *)public;

    assert(p == poller_current);
    return p;
}

static inline struct instance *
host_self(struct goevd_self *self)
{
    return (struct instance *)self;
}

unsigned host_poller_index(struct goevd_poller *poller);
uint64_t host_poller_now(struct goevd_poller *poller);
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
void host_pool_get_state(struct goevd_pool *pool, struct goevd_pool_state *ret);

int host_metric_new(struct goevd_self *self, const char *name, const char *unit, const char *help,
                    enum goevd_metric_type type);
void host_metric_add(struct goevd_self *self, struct goevd_poller *poller, int number,
                     int64_t delta);
void host_metric_set(struct goevd_self *self, struct goevd_poller *poller, int number,
                     int64_t value);
void host_metric_observe(struct goevd_self *self, struct goevd_poller *poller, int number,
                         uint64_t value);

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
