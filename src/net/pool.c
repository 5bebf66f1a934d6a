#include "net/pool.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/fd.h"

#define RETRY_FIRST_NS (100 * NS_PER_MS)
#define RETRY_MAX_NS (5 * NS_PER_S)

static void pool_grow(struct pool *pool);
static void pool_ready(struct pool *pool, struct pool_link *link);

static void
pool_count(struct pool *pool)
{
    figure_set(&pool->figures.idle, pool->idle);
    figure_set(&pool->figures.live, pool->live);
    figure_set(&pool->figures.waiting, pool->waiting);
}

/* ---- Who waits ------------------------------------------------------------------------------- */

static void
pool_waiter_told(struct message *m, void *consumer)
{
    struct pool_waiter *w = container_of(m, struct pool_waiter, message);

    w->fn(w, consumer);
}

static void
pool_tell(struct pool_waiter *w, struct pool_link *link, int result)
{
    figure_add(link ? &w->pool->figures.acquired : &w->pool->figures.failed, 1);
    w->link = link;
    w->result = result;
    w->message = (struct message){.fn = pool_waiter_told};
    mailbox_post(&w->poller->mailbox, &w->message);
}

static void
pool_unqueue(struct pool *pool, struct pool_waiter *w)
{
    *(w->prev ? &w->prev->next : &pool->next_waiter) = w->next;
    *(w->next ? &w->next->prev : &pool->last_waiter) = w->prev;
    timer_cancel(&pool->home->timers, &w->timer);
    pool->waiting--;
}

static void
pool_waited_long(struct timer *t, uint64_t now_ns)
{
    struct pool_waiter *w = container_of(t, struct pool_waiter, timer);

    (void)now_ns;
    pool_unqueue(w->pool, w);
    pool_count(w->pool);
    pool_tell(w, NULL, -ETIMEDOUT);
}

static int
pool_queue(struct pool *pool, struct pool_waiter *w)
{
    int r;

    if (pool->waiting == pool->config.waiting_max)
        return -EAGAIN;
    w->timer = (struct timer){.fn = pool_waited_long};
    r = poller_arm(pool->home, &w->timer, w->timeout_ns);
    if (r < 0)
        return r;
    w->next = NULL;
    w->prev = pool->last_waiter;
    *(w->prev ? &w->prev->next : &pool->next_waiter) = w;
    pool->last_waiter = w;
    pool->waiting++;
    return 0;
}

static void
pool_refuse_first(struct pool *pool, int error)
{
    struct pool_waiter *w = pool->next_waiter;

    pool_unqueue(pool, w);
    pool_tell(w, NULL, error);
}

/* ---- Ready ones ------------------------------------------------------------------------------ */

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

/* Nobody watches it any more; its fd is the caller's. */
static int
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

static void
pool_link_free(struct pool *pool, struct pool_link *link)
{
    pool->live--;
    free(link);
}

static void
pool_drop(struct pool *pool, struct pool_link *link)
{
    fd_close(pool_link_take(pool, link));
    pool_link_free(pool, link);
}

static void
pool_found_dead(struct pool *pool, struct pool_link *link)
{
    figure_add(&pool->figures.dead, 1);
    pool_drop(pool, link);
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
        due = link->idle_ns + config->idle_timeout_ns;
    if (due <= pool->home->now_ns)
        due = pool->home->now_ns + config->idle_timeout_ns; /* one of min_idle */
    if (config->check_interval_ns)
        due = MIN(due, pool->home->now_ns + config->check_interval_ns);
    return due == UINT64_MAX ? 0 : timer_arm(&pool->home->timers, &link->timer, due);
}

/* Ask it whether it is there. What cannot take these few bytes at once is not well. */
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
    pool_ready(pool, link);
}

static void
pool_link_due(struct timer *t, uint64_t now_ns)
{
    struct pool_link *link = container_of(t, struct pool_link, timer);
    struct pool *pool = link->pool;
    uint64_t idle = pool->config.idle_timeout_ns;
    bool old = idle && now_ns - link->idle_ns >= idle && pool->idle > pool->config.min_idle;

    if (link->checked)
        pool_found_dead(pool, link);
    else if (!old && pool->config.check_interval_ns)
        pool_check(pool, link);
    else if (old || pool_link_arm(pool, link) < 0)
        pool_drop(pool, link);
    pool_count(pool);
}

/* Nobody has asked it anything: it has ended, or it is not what it should be. */
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

/* ---- Lending --------------------------------------------------------------------------------- */

/* It has been made, has come back, or has passed its check; link->fd is its socket. */
static void
pool_ready(struct pool *pool, struct pool_link *link)
{
    if (pool->next_waiter) {
        struct pool_waiter *w = pool->next_waiter;

        pool_unqueue(pool, w);
        pool_tell(w, link, 0);
        return;
    }
    if (pool->stopped || poller_watch(pool->home, &link->watch, link->fd, EPOLLIN | EPOLLRDHUP,
                                      pool_link_event) < 0) {
        fd_close(link->fd);
        pool_link_free(pool, link);
        return;
    }
    link->timer = (struct timer){.fn = pool_link_due};
    if (!link->idle_ns)
        link->idle_ns = pool->home->now_ns;
    pool_link_insert(pool, link);
    if (pool_link_arm(pool, link) < 0)
        pool_drop(pool, link);
}

static void
pool_link_home(struct message *m, void *consumer)
{
    struct pool_link *link = container_of(m, struct pool_link, message);
    struct pool *pool = link->pool;

    (void)consumer;
    link->idle_ns = 0;
    if (link->fd >= 0)
        pool_ready(pool, link);
    else
        pool_link_free(pool, link);
    pool_grow(pool);
    pool_count(pool);
}

static void
pool_returned(struct transport_owner *owner, int fd)
{
    struct pool_link *link = container_of(owner, struct pool_link, owner);

    link->fd = fd;
    link->message = (struct message){.fn = pool_link_home};
    mailbox_post(&link->pool->home->mailbox, &link->message);
}

void
pool_link_lost(struct pool_link *link)
{
    pool_returned(&link->owner, -1);
}

static void
pool_asked(struct message *m, void *consumer)
{
    struct pool_waiter *w = container_of(m, struct pool_waiter, message);
    struct pool *pool = w->pool;
    int r;

    (void)consumer;
    if (pool->stopped) {
        pool_tell(w, NULL, -ECANCELED);
        return;
    }
    if (pool->first) {
        struct pool_link *link = pool->first;

        link->fd = pool_link_take(pool, link);
        pool_tell(w, link, 0);
    } else {
        r = pool_queue(pool, w);
        if (r < 0)
            pool_tell(w, NULL, r);
    }
    pool_grow(pool);
    pool_count(pool);
}

void
pool_acquire(struct pool *pool, struct pool_waiter *w)
{
    w->pool = pool;
    w->message = (struct message){.fn = pool_asked};
    mailbox_post(&pool->home->mailbox, &w->message);
}

/* ---- Making ---------------------------------------------------------------------------------- */

/* Who waits longest is told, so that each hears of it once; without anybody it is tried again. */
static void
pool_failed(struct pool *pool, int error)
{
    uint64_t delay = RETRY_FIRST_NS << MIN(pool->failures, 6u);

    pool->failures++;
    if (pool->next_waiter)
        pool_refuse_first(pool, error);
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
        pool_grow(pool);
    } else {
        pool->failures = 0;
        timer_cancel(&pool->home->timers, &pool->retry);
        pool_ready(pool, link);
    }
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
    unsigned ready = timer_armed(&pool->retry) ? 0 : pool->config.min_idle;

    return !pool->stopped && pool->live < pool->config.max_live &&
           pool->idle + pool->pending < pool->waiting + ready;
}

/* Where one is missing, `growth` of them are made. */
static void
pool_grow(struct pool *pool)
{
    while (pool_wants(pool)) {
        unsigned room = pool->config.max_live - pool->live;
        int r = 0;

        for (unsigned i = MIN(pool->config.growth, room); i > 0 && r == 0; i--)
            r = pool_make(pool);
        if (r < 0)
            pool_failed(pool, r);
    }
}

static void
pool_retry(struct timer *t, uint64_t now_ns)
{
    struct pool *pool = container_of(t, struct pool, retry);

    (void)now_ns;
    pool_grow(pool);
    pool_count(pool);
}

/* ---- Its life -------------------------------------------------------------------------------- */

static void *
pool_copy(const void *data, size_t len)
{
    void *copy = malloc(MAX(len, 1));

    if (copy && len > 0)
        memcpy(copy, data, len);
    return copy;
}

int
pool_new(const struct pool_config *config, struct pool **ret, struct err *reterr)
{
    struct address address;
    struct address_host host;
    struct pool *pool;
    int r = address_parse_peer(config->to, &address, &host, reterr);

    if (r < 0)
        return -EINVAL;
    pool = calloc(1, sizeof(*pool));
    if (!pool)
        return err_set(reterr, -ENOMEM, "no memory for a connect pool");
    pool->config = *config;
    pool->config.to = strdup(config->to);
    pool->config.check = pool_copy(config->check, config->check_len);
    pool->config.reply = pool_copy(config->reply, config->reply_len);
    pool->retry.fn = pool_retry;
    if (!pool->config.to || !pool->config.check || !pool->config.reply) {
        pool_free(pool);
        return err_set(reterr, -ENOMEM, "no memory for a connect pool");
    }
    *ret = pool;
    return 0;
}

static void
pool_free_bytes(const void *data)
{
    free((void *)(uintptr_t)data);
}

void
pool_free(struct pool *pool)
{
    if (!pool)
        return;
    assert(pool->live == 0);
    pool_free_bytes(pool->config.to);
    pool_free_bytes(pool->config.check);
    pool_free_bytes(pool->config.reply);
    free(pool);
}

void
pool_start(struct pool *pool)
{
    pool_grow(pool);
    pool_count(pool);
}

void
pool_stop(struct pool *pool)
{
    pool->stopped = true;
    timer_cancel(&pool->home->timers, &pool->retry);
    while (pool->first)
        pool_drop(pool, pool->first);
    while (pool->checks)
        pool_drop(pool, pool->checks);
    while (pool->next_waiter)
        pool_refuse_first(pool, -ECANCELED);
    pool_count(pool);
}
