#include <errno.h>

#include "net/connect/pool_parts.h"

#define RETRY_FIRST_NS (100 * NS_PER_MS)
#define RETRY_MAX_NS (5 * NS_PER_S)

/* Who waits longest is told, so that each hears of it once; without anybody it is tried again. */
static void
pool_failed(struct pool *pool, int error)
{
    uint64_t delay = RETRY_FIRST_NS << MIN(pool->failures, 6u);

    pool->failures++;
    if (pool->next_waiter)
        pool_tell_first(pool, NULL, error);
    if (!pool->stopped && !timer_armed(&pool->retry))
        poller_arm(pool->home, &pool->retry, MIN(delay, RETRY_MAX_NS));
}

static void
pool_connected(struct connector *k, int fd)
{
    struct pool_link *link = container_of(k, struct pool_link, connector);
    struct pool *pool = link->pool;

    pool->pending--;
    link->fd = fd;
    if (fd < 0) {
        pool_link_free(pool, link);
        pool_failed(pool, fd);
    } else {
        pool->failures = 0;
        timer_cancel(&pool->home->timers, &pool->retry);
        pool_ready(pool, link);
    }
    pool_grow(pool); /* those that had failed before wait for no timer any more */
    pool_count(pool);
}

static int
pool_make(struct pool *pool)
{
    const struct pool_config *config = &pool->config;
    struct pool_link *link = calloc(1, sizeof(*link));
    int r;

    if (!link)
        return -ENOMEM;
    link->pool = pool;
    link->owner.returned = pool_returned;
    link->connector.config = config->connector;
    link->connector.from = config->from;
    link->connector.timeout_ns = config->connect_timeout_ns;
    link->connector.fn = pool_connected;
    r = connector_start(&link->connector, pool->home, config->to, NULL);
    if (r < 0) {
        free(link);
        return r;
    }
    pool->live++;
    pool->pending++;
    return 0;
}

static bool
pool_wants(const struct pool *pool)
{
    unsigned ready = timer_armed(&pool->retry) ? 0 : pool->config.idle_min;

    return !pool->stopped && pool->live < pool->config.connections_max &&
           pool->idle + pool->pending < pool->waiting + ready;
}

void
pool_grow(struct pool *pool)
{
    while (pool_wants(pool)) {
        unsigned room = pool->config.connections_max - pool->live;
        int r = 0;

        for (unsigned i = MIN(pool->config.growth, room); i > 0 && r == 0; i--)
            r = pool_make(pool);
        if (r < 0)
            pool_failed(pool, r);
    }
}

void
pool_retry(struct timer *t, uint64_t now_ns)
{
    struct pool *pool = container_of(t, struct pool, retry);

    (void)now_ns;
    pool_grow(pool);
    pool_count(pool);
}
