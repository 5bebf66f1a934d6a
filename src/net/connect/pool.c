#include "net/connect/pool.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/fd.h"
#include "net/connect/pool_parts.h"

void
pool_count(struct pool *pool)
{
    metric_set(&pool->metrics.idle, pool->idle);
    metric_set(&pool->metrics.live, pool->live);
    metric_set(&pool->metrics.waiting, pool->waiting);
}

/* ---- Lending --------------------------------------------------------------------------------- */

void
pool_ready(struct pool *pool, struct pool_link *link)
{
    if (pool->next_waiter) {
        pool_tell_first(pool, link, 0);
        return;
    }
    if (pool->stopped || pool_link_keep(pool, link) < 0) {
        fd_close(link->fd);
        pool_link_free(pool, link);
    }
}

static void
pool_link_home(struct message *m, void *consumer)
{
    struct pool_link *link = container_of(m, struct pool_link, message);
    struct pool *pool = link->pool;

    (void)consumer;
    link->idle_ns = 0;
    if (link->fd >= 0) {
        pool_proved(pool, link);
        pool_ready(pool, link);
    } else {
        bool useless = link->useless;

        if (!useless)
            pool_proved(pool, link);
        pool_link_free(pool, link);
        if (useless)
            pool_failed(pool, -ECONNRESET);
    }
    pool_grow(pool);
    pool_count(pool);
}

void
pool_returned(struct transport_owner *owner, int fd, bool useless)
{
    struct pool_link *link = container_of(owner, struct pool_link, owner);

    link->fd = fd;
    link->useless = useless;
    link->message = (struct message){.fn = pool_link_home};
    mailbox_post(&link->pool->home->mailbox, &link->message);
}

void
pool_link_lost(struct pool_link *link)
{
    pool_returned(&link->owner, -1, true);
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
        else
            pool_hurry(pool);
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
        pool_tell_first(pool, NULL, -ECANCELED);
    pool_count(pool);
}
