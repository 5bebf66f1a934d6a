#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/fd.h"
#include "net/connect/pool_parts.h"

#define YOUNG_NS (5 * NS_PER_S) /* a connection that ends so early was never of use */

/* ---- In their lists -------------------------------------------------------------------------- */

static void
pool_link_insert(struct pool *pool, struct pool_link *link)
{
    link->prev = NULL;
    link->next = pool->first;
    *(link->next ? &link->next->prev : &pool->last) = link;
    pool->first = link;
    pool->idle++;
}

static void
pool_link_remove(struct pool *pool, struct pool_link *link)
{
    *(link->prev ? &link->prev->next : &pool->first) = link->next;
    *(link->next ? &link->next->prev : &pool->last) = link->prev;
    pool->idle--;
}

static void
pool_check_insert(struct pool *pool, struct pool_link *link)
{
    link->prev = NULL;
    link->next = pool->checks;
    if (link->next)
        link->next->prev = link;
    pool->checks = link;
    pool->pending++;
    link->checked = true;
}

static void
pool_check_remove(struct pool *pool, struct pool_link *link)
{
    *(link->prev ? &link->prev->next : &pool->checks) = link->next;
    if (link->next)
        link->next->prev = link->prev;
    pool->pending--;
    link->checked = false;
}

int
pool_link_take(struct pool *pool, struct pool_link *link)
{
    if (link->checked)
        pool_check_remove(pool, link);
    else
        pool_link_remove(pool, link);
    assert(pool->first != link && pool->checks != link);
    timer_cancel(&pool->home->timers, &link->timer);
    poller_unwatch(pool->home, &link->watch);
    return link->watch.fd;
}

void
pool_link_free(struct pool *pool, struct pool_link *link)
{
    pool->live--;
    free(link);
}

void
pool_drop(struct pool *pool, struct pool_link *link)
{
    fd_close(pool_link_take(pool, link));
    pool_link_free(pool, link);
}

/* A server that accepts connections to close them is no better than one that refuses them. */
static void
pool_found_dead(struct pool *pool, struct pool_link *link)
{
    bool useless = !link->proven && pool->home->now_ns - link->made_ns < YOUNG_NS;

    metric_add(&pool->metrics.dead, 1);
    pool_drop(pool, link);
    if (useless)
        pool_failed(pool, -ECONNRESET);
    pool_grow(pool);
}

/* ---- Checks ---------------------------------------------------------------------------------- */

static int
pool_link_arm(struct pool *pool, struct pool_link *link)
{
    const struct pool_config *config = &pool->config;
    uint64_t due = UINT64_MAX;

    if (link->checked)
        return poller_arm(pool->home, &link->timer, config->check_timeout_ns);
    if (config->idle_timeout_ns)
        due = clock_after_ns(link->idle_ns, config->idle_timeout_ns);
    if (due <= pool->home->now_ns)
        due = clock_after_ns(pool->home->now_ns, config->idle_timeout_ns); /* one of idle_min */
    if (config->check_interval_ns)
        due = MIN(due, clock_after_ns(pool->home->now_ns, config->check_interval_ns));
    return due == UINT64_MAX ? 0 : timer_arm(&pool->home->timers, &link->timer, due);
}

/* Send a check. A connection that cannot take these few bytes at once is not well. */
static void
pool_check(struct pool *pool, struct pool_link *link)
{
    const struct pool_config *config = &pool->config;
    ssize_t n = send(link->watch.fd, config->check, config->check_len, MSG_DONTWAIT | MSG_NOSIGNAL);

    pool_link_remove(pool, link);
    pool_check_insert(pool, link);
    link->replied = 0;
    if (n != (ssize_t)config->check_len || pool_link_arm(pool, link) < 0)
        pool_found_dead(pool, link);
}

static void
pool_check_read(struct pool *pool, struct pool_link *link)
{
    const struct pool_config *config = &pool->config;
    char buf[256];
    size_t left = config->reply_len - link->replied;
    ssize_t n = recv(link->watch.fd, buf, MIN(left, sizeof(buf)), MSG_DONTWAIT);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0 || memcmp(buf, (const char *)config->reply + link->replied, (size_t)n) != 0) {
        pool_found_dead(pool, link);
        return;
    }
    link->replied += (size_t)n;
    if (link->replied < config->reply_len)
        return;
    link->fd = pool_link_take(pool, link);
    pool_proved(pool, link);
    pool_ready(pool, link);
}

static void
pool_link_due(struct timer *t, uint64_t now_ns)
{
    struct pool_link *link = container_of(t, struct pool_link, timer);
    struct pool *pool = link->pool;
    uint64_t idle = pool->config.idle_timeout_ns;
    bool old = idle && now_ns - link->idle_ns >= idle && pool->idle > pool->config.idle_min;

    if (link->checked)
        pool_found_dead(pool, link);
    else if (!old && pool->config.check_interval_ns)
        pool_check(pool, link);
    else if (old || pool_link_arm(pool, link) < 0)
        pool_drop(pool, link);
    pool_count(pool);
}

/* An idle connection has an event: it has ended, or its server breaks the protocol. */
static void
pool_link_event(struct watch *w, uint32_t events)
{
    struct pool_link *link = container_of(w, struct pool_link, watch);
    struct pool *pool = link->pool;

    (void)events;
    if (link->checked)
        pool_check_read(pool, link);
    else
        pool_found_dead(pool, link);
    pool_count(pool);
}

int
pool_link_keep(struct pool *pool, struct pool_link *link)
{
    int r = poller_watch(pool->home, &link->watch, link->fd, EPOLLIN | EPOLLRDHUP, pool_link_event);

    if (r < 0)
        return r;
    link->timer = (struct timer){.fn = pool_link_due};
    if (!link->idle_ns)
        link->idle_ns = pool->home->now_ns;
    pool_link_insert(pool, link);
    r = pool_link_arm(pool, link);
    if (r < 0)
        pool_link_take(pool, link);
    return r;
}
