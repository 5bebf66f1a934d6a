/* Connect pools of plugins. */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "net/connect/pool.h"
#include "plug/host/host_parts.h"
#include "plug/host/outgoing.h"

#define IDLE_MAX 65536
#define LIVE_DEFAULT 64
#define WAITING_DEFAULT 1024
#define BYTES_MAX 4096 /* of a check, and of its reply */

#define POOL_METRICS 6 /* fields of struct pool_metrics */
#define POOL_MAGIC 0x900160a1

struct host_pool {
    uint32_t magic; /* POOL_MAGIC */
    struct host_pool *next;
    struct instance *instance;
    struct pool *pool;
    int numbers[POOL_METRICS]; /* of metrics; of the instance's first pool */
};

/* ---- Metrics --------------------------------------------------------------------------------- */

#define POOL_METRIC(field, type_, name_, help_)                                                    \
    {                                                                                              \
        offsetof(struct pool_metrics, field),                                                      \
        {                                                                                          \
            .name = "goevd_pool_" name_, .help = (help_), .type = GOEVD_METRIC_##type_             \
        }                                                                                          \
    }

static const struct {
    size_t offset;
    struct goevd_metric about;
} host_pool_metrics[POOL_METRICS] = {
    POOL_METRIC(idle, GAUGE, "connections_idle", "Connections that are ready in connect pools."),
    POOL_METRIC(live, GAUGE, "connections", "Connections that are ready, in use or being made."),
    POOL_METRIC(waiting, GAUGE, "requests_waiting", "Requests that wait for a connection."),
    POOL_METRIC(acquired, COUNTER, "requests_acquired_total", "Requests that got a connection."),
    POOL_METRIC(failed, COUNTER, "requests_failed_total", "Requests that got no connection."),
    POOL_METRIC(dead, COUNTER, "connections_dead_total", "Connections found dead while ready."),
};
static_assert(ARRAY_LEN(host_pool_metrics) == sizeof(struct pool_metrics) / sizeof(metric),
              "each metric of a pool is counted");

/* The first pool of the instance has the numbers. */
static struct host_pool *
host_pool_first(const struct instance *i)
{
    struct host_pool *h = i->plugins->pools;

    while (h && h->instance != i)
        h = h->next;
    return h;
}

static int
host_pool_register(struct host_pool *h)
{
    int r = 0;

    if (host_pool_first(h->instance))
        return 0;
    for (size_t n = 0; r >= 0 && n < POOL_METRICS; n++)
        r = h->numbers[n] = plug_metric_new(h->instance, &host_pool_metrics[n].about, NULL);
    return MIN(r, 0);
}

/* All pools of the instance that live on this poller. */
static uint64_t
host_pool_sum(const struct instance *i, const struct poller *p, size_t offset)
{
    uint64_t sum = 0;

    for (struct host_pool *h = i->plugins->pools; h; h = h->next)
        if (h->instance == i && h->pool->home == p)
            sum += metric_get(
                (const metric *)(const void *)((const char *)&h->pool->metrics + offset));
    return sum;
}

void
host_pools_collect(struct plugins *p, struct poller *poller)
{
    for (struct host_pool *h = p->pools; h; h = h->next) {
        if (host_pool_first(h->instance) != h)
            continue;
        for (size_t n = 0; n < POOL_METRICS; n++)
            metric_set(plug_metric_cell(&p->registry, poller, h->numbers[n]),
                       host_pool_sum(h->instance, poller, host_pool_metrics[n].offset));
    }
}

/* ---- Making ---------------------------------------------------------------------------------- */

static void
host_pool_failing(const struct pool *pool, int error)
{
    const struct instance *i = pool->config.arg;
    struct log_about about = {.plugin = i->module->entry.name};

    log_about(&about, LOG_WARNING, "cannot connect to %s: %s; trying again after 0.1 to 5 s",
              pool->config.to,
              error == -ECONNRESET ? "the connections end at once" : err_words(error));
}

static unsigned
host_pool_or(unsigned value, unsigned otherwise)
{
    return value ? value : otherwise;
}

static int
host_pool_config(const struct goevd_pool_config *c, const struct plugins *plugins,
                 struct pool_config *ret)
{
    *ret = (struct pool_config){
        .connector = &plugins->outgoing.connector,
        .to = c->to,
        .connect_timeout_ns = c->connect_timeout_ns,
        .idle_timeout_ns = c->idle_timeout_ns,
        .check_interval_ns = c->check_interval_ns,
        .check_timeout_ns = c->check_timeout_ns ? c->check_timeout_ns : NS_PER_S,
        .check = c->check,
        .check_len = c->check_len,
        .reply = c->check_reply,
        .reply_len = c->check_reply_len,
        .idle_min = c->idle_min,
        .connections_max = host_pool_or(c->connections_max, LIVE_DEFAULT),
        .growth = host_pool_or(c->growth, 1),
        .waiting_max = host_pool_or(c->waiting_max, WAITING_DEFAULT),
    };
    if (!c->to || ret->connections_max > IDLE_MAX || ret->idle_min > ret->connections_max ||
        ret->growth > ret->connections_max || c->check_len > BYTES_MAX ||
        c->check_reply_len > BYTES_MAX)
        return -EINVAL;
    if (c->check_interval_ns && (c->check_len == 0 || c->check_reply_len == 0))
        return -EINVAL;
    return c->from ? address_parse_source(c->from, &ret->from) : 0;
}

int
host_pool_new(struct goevd_self *self, const struct goevd_pool_config *public,
              struct goevd_pool **ret)
{
    struct instance *i = host_self(self);
    struct plugins *plugins = i->plugins;
    struct goevd_pool_config given = {0};
    struct pool_config config;
    struct host_pool *h;
    int r;

    assert(plugins->errors); /* in create */
    memcpy(&given, public, MIN(sizeof(given), (size_t) public->version.size));
    r = host_pool_config(&given, plugins, &config);
    config.on_failing = host_pool_failing;
    config.arg = i;
    if (r < 0)
        return r;
    h = calloc(1, sizeof(*h));
    if (!h)
        return -ENOMEM;
    h->magic = POOL_MAGIC;
    h->instance = i;
    r = host_pool_register(h);
    if (r == 0)
        r = pool_new(&config, &h->pool, NULL);
    if (r < 0) {
        free(h);
        return r;
    }
    h->next = plugins->pools;
    plugins->pools = h;
    *ret = (struct goevd_pool *)h;
    return 0;
}

/* ---- Life: one poller after the other is a pool's home --------------------------------------- */

void
host_pools_place(struct plugins *p)
{
    unsigned next = 0, count = host_poller_count();

    for (struct host_pool *h = p->pools; h; h = h->next)
        h->pool->home = poller_at(next++ % count);
}

void
host_pools_start(struct plugins *p, struct poller *poller)
{
    for (struct host_pool *h = p->pools; h; h = h->next)
        if (h->pool->home == poller)
            pool_start(h->pool);
}

void
host_pools_stop(struct plugins *p, struct poller *poller)
{
    for (struct host_pool *h = p->pools; h; h = h->next)
        if (h->pool->home == poller)
            pool_stop(h->pool);
}

void
host_pools_free(struct plugins *p)
{
    while (p->pools) {
        struct host_pool *h = p->pools;

        p->pools = h->next;
        pool_free(h->pool);
        magic_clear(&h->magic);
        free(h);
    }
}

/* ---- Borrowing ------------------------------------------------------------------------------- */

struct borrower {
    struct pool_waiter waiter;
    struct outgoing outgoing;
};

static void
borrower_told(struct pool_waiter *w, struct poller *p)
{
    struct borrower *b = container_of(w, struct borrower, waiter);
    struct pool_link *link = w->link;
    int r = w->result;

    if (link) {
        r = outgoing_open(&b->outgoing, p, link->fd, &link->connector.peer, &link->owner);
        if (r < 0)
            pool_link_lost(link);
    }
    if (r < 0)
        outgoing_fail(&b->outgoing, p, r);
    outgoing_fini(&b->outgoing);
    free(b);
}

int
host_pool_acquire(struct goevd_pool *pool, struct goevd_poller *poller,
                  const struct goevd_acquire_request *public)
{
    struct host_pool *h = (struct host_pool *)pool;
    const struct pool_config *config;
    struct goevd_acquire_request request = {0};
    struct borrower *b;
    int r;

    HOST_CHECK(h, POOL_MAGIC, "pool");
    config = &h->pool->config;
    b = calloc(1, sizeof(*b));
    if (!b)
        return -ENOMEM;
    memcpy(&request, public, MIN(sizeof(request), (size_t) public->version.size));
    r = outgoing_init(&b->outgoing, h->instance, request.stream, request.state, request.state_len);
    if (r < 0) {
        outgoing_fini(&b->outgoing);
        free(b);
        return r;
    }
    b->waiter.poller = host_poller(poller);
    b->waiter.fn = borrower_told;
    b->waiter.timeout_ns = request.timeout_ns           ? request.timeout_ns
                           : config->connect_timeout_ns ? config->connect_timeout_ns
                                                        : config->connector->timeout_ns;
    pool_acquire(h->pool, &b->waiter);
    return 0;
}

int
host_pool_release(struct goevd_conn *c)
{
    return conn_give_back(host_conn(c));
}

int
host_pool_reject(struct goevd_conn *c)
{
    return conn_reject(host_conn(c));
}

void
host_pool_get_state(struct goevd_pool *pool, struct goevd_pool_state *ret)
{
    const struct host_pool *h = (struct host_pool *)pool;
    const struct pool_metrics *f;
    struct goevd_pool_state now;

    HOST_CHECK(h, POOL_MAGIC, "pool");
    f = &h->pool->metrics;
    now = (struct goevd_pool_state){
        .version = GOEVD_VERSION_OF(struct goevd_pool_state),
        .idle = metric_get(&f->idle),
        .live = metric_get(&f->live),
        .waiting = metric_get(&f->waiting),
        .acquired = metric_get(&f->acquired),
        .failed = metric_get(&f->failed),
        .dead = metric_get(&f->dead),
    };

    memcpy(ret, &now, MIN(sizeof(now), (size_t)ret->version.size));
}
