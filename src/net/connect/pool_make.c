#include <errno.h>

#include "net/connect/pool_parts.h"

#define RETRY_FIRST_NS (100 * NS_PER_MS)
#define RETRY_MAX_NS (5 * NS_PER_S)
#define FAILING 3 /* failures in a row that are worth a line */

/* An old failure has no meaning for the present. */
static void
pool_forget_failures(struct pool *pool)
{
    if (pool->home->now_ns - pool->failed_ns > 2 * RETRY_MAX_NS)
        pool->failures = 0;
}

/* Failures before the next attempt count as one: they have one cause. */
static void
pool_back_off(struct pool *pool)
{
    uint64_t delay;

    if (pool->stopped || timer_armed(&pool->retry))
        return;
    pool_forget_failures(pool);
    delay = RETRY_FIRST_NS << MIN(pool->failures, 6u);
    pool->failures++;
    pool->failed_ns = pool->home->now_ns;
    poller_arm(pool->home, &pool->retry, MIN(delay, RETRY_MAX_NS));
    if (pool->failures == FAILING && pool->config.on_failing)
        pool->config.on_failing(pool, pool->error);
}

/* The oldest waiter gets the error, so that each failure ends one request. The others wait for
 * another connection, unless there is none. */
void
pool_failed(struct pool *pool, int error)
{
    pool->error = error;
    pool_back_off(pool);
    if (pool->next_waiter)
        pool_tell_first(pool, NULL, error);
    while (pool->next_waiter && pool->live == 0)
        pool_tell_first(pool, NULL, error);
}

void
pool_proved(struct pool *pool, struct pool_link *link)
{
    link->proven = true;
    pool->failures = 0;
    timer_cancel(&pool->home->timers, &pool->retry);
}

void
pool_hurry(struct pool *pool)
{
    uint64_t soon = pool->home->now_ns + RETRY_FIRST_NS;
    struct timers *timers = &pool->home->timers;

    if (timer_armed(&pool->retry) && timer_due_ns(timers, &pool->retry) > soon)
        timer_arm(timers, &pool->retry, soon);
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
        link->made_ns = pool->home->now_ns;
        pool_ready(pool, link);
    }
    pool_grow(pool);
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
    link->connector.fresh = pool->failures > 0;
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

/* After a failure there is one attempt at a time, until a connection has served. */
static bool
pool_wants(const struct pool *pool)
{
    unsigned wanted = pool->waiting + pool->config.idle_min;

    if (pool->stopped || timer_armed(&pool->retry) || (pool->failures > 0 && pool->pending > 0))
        return false;
    return pool->live < pool->config.connections_max && pool->idle + pool->pending < wanted;
}

static unsigned
pool_growth(const struct pool *pool)
{
    unsigned room = pool->config.connections_max - pool->live;

    return pool->failures > 0 ? 1 : MIN(pool->config.growth, room);
}

void
pool_grow(struct pool *pool)
{
    pool_forget_failures(pool);
    while (pool_wants(pool)) {
        int r = 0;

        for (unsigned i = pool_growth(pool); i > 0 && r == 0; i--)
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
