#include "ev/poller.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/sys.h"

/* The coarse clock may lag this much: only within it of a timer is the exact one read. */
#define COARSE_LAG_NS (10 * NS_PER_MS)
#define TIMEOUT_MAX_MS UINT64_C(3600000)

static _Atomic(struct poller *) pollers[POLLERS_MAX];

OF_THREAD struct poller *poller_current;

static void poller_mailbox_event(struct watch *w, uint32_t events);

struct poller *
poller_at(unsigned index)
{
    return index < POLLERS_MAX ? atomic_load_explicit(&pollers[index], memory_order_acquire) : NULL;
}

static int
poller_claim_index(struct poller *p)
{
    for (unsigned i = 0; i < POLLERS_MAX; i++) {
        struct poller *none = NULL;

        if (atomic_compare_exchange_strong(&pollers[i], &none, p)) {
            p->index = i;
            return 0;
        }
    }
    return -EUSERS;
}

static int
poller_init(struct poller *p, struct err *reterr)
{
    int r = poller_claim_index(p);

    if (r < 0)
        return err_set(reterr, r, "more than %d pollers", POLLERS_MAX);
    slots_init(&p->slots, p->index);
    r = mailbox_init(&p->mailbox, p->config.mailbox_max, reterr);
    if (r < 0)
        return r;
    p->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (p->epoll_fd < 0)
        return err_set_errno(reterr, -errno, "cannot make an epoll instance");
    p->events = calloc(p->config.events_max, sizeof(*p->events));
    if (!p->events)
        return err_set(reterr, -ENOMEM, "no memory for a poller");
    r = poller_watch(p, &p->mailbox_watch, p->mailbox.fd, EPOLLIN, poller_mailbox_event);
    if (r < 0)
        return err_set_errno(reterr, r, "cannot watch a mailbox");
    return 0;
}

int
poller_new(const struct poller_config *config, struct poller **ret, struct err *reterr)
{
    size_t bytes = (sizeof(struct poller) + 63) & ~(size_t)63;
    struct poller *p = aligned_alloc(64, bytes);
    int r;

    if (!p)
        return err_set(reterr, -ENOMEM, "no memory for a poller");
    memset(p, 0, bytes);
    p->config = *config;
    p->metrics = &p->own_metrics;
    p->buffers.cap = config->buffers_kept_max;
    p->cpu = p->epoll_fd = p->mailbox.fd = -1;
    p->index = POLLERS_MAX;
    p->tasks_end = &p->tasks;
    p->now_ns = clock_now_ns();
    place_rest(&p->place, true);
    r = poller_init(p, reterr);
    if (r < 0) {
        poller_free(p);
        return r;
    }
    *ret = p;
    return 0;
}

void
poller_drain(struct poller *p)
{
    mailbox_refuse(&p->mailbox);
    poller_current = p;
    /* A thread that was admitted before may not have pushed its message yet. */
    while (mailbox_handle(&p->mailbox, p, UINT_MAX) > 0 || mailbox_depth(&p->mailbox) > 0)
        sched_yield();
    poller_current = NULL;
}

void
poller_free(struct poller *p)
{
    if (!p)
        return;
    if (p->mailbox.fd >= 0) {
        poller_drain(p);
        mailbox_fini(&p->mailbox, p);
    }
    if (p->index < POLLERS_MAX)
        atomic_store_explicit(&pollers[p->index], NULL, memory_order_release);
    p->epoll_fd = fd_close(p->epoll_fd);
    timers_fini(&p->timers);
    cache_fini(&p->cache);
    slots_fini(&p->slots);
    buffers_fini(&p->buffers);
    free(p->events);
    free(p);
}

/* ---- Watching -------------------------------------------------------------------------------- */

static int
poller_ctl(struct poller *p, int op, struct watch *w, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.u64 = w->id};

    if (epoll_ctl(p->epoll_fd, op, w->fd, &event) < 0)
        return -errno;
    w->events = events;
    return 0;
}

int
poller_watch_muted(struct poller *p, struct watch *w, int fd, watch_fn fn)
{
    w->fn = fn;
    w->fd = fd;
    w->events = WATCH_MUTED;
    return slots_claim(&p->slots, w, &w->id);
}

int
poller_watch(struct poller *p, struct watch *w, int fd, uint32_t events, watch_fn fn)
{
    int r = poller_watch_muted(p, w, fd, fn);

    if (r < 0)
        return r;
    r = poller_rewatch(p, w, events);
    if (r < 0)
        poller_forget(p, w);
    return r;
}

int
poller_rewatch(struct poller *p, struct watch *w, uint32_t events)
{
    if (w->events == events)
        return 0;
    return poller_ctl(p, w->events == WATCH_MUTED ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, w, events);
}

void
poller_mute(struct poller *p, struct watch *w)
{
    if (w->events != WATCH_MUTED)
        epoll_ctl(p->epoll_fd, EPOLL_CTL_DEL, w->fd, NULL);
    w->events = WATCH_MUTED;
}

void
poller_forget(struct poller *p, struct watch *w)
{
    if (!w->id)
        return;
    slots_release(&p->slots, w->id);
    w->id = 0;
}

void
poller_unwatch(struct poller *p, struct watch *w)
{
    if (w->id)
        poller_mute(p, w);
    poller_forget(p, w);
}

/* ---- The cache ------------------------------------------------------------------------------- */

struct cache_change {
    struct message message;
    struct cache_entry entry;
};

static void
poller_cache_change(struct message *m, void *consumer)
{
    struct cache_change *change = container_of(m, struct cache_change, message);
    struct cache_entry *e = &change->entry;
    struct poller *p = consumer;

    if (!e->value)
        cache_remove(&p->cache, e->id);
    else if (cache_set(&p->cache, e->id, e->value, e->free) < 0 && e->free)
        e->free(e->value); /* without memory the old value stays */
    free(change);
}

int
poller_cache_set(struct poller *p, uint64_t id, void *value, cache_free_fn free)
{
    struct cache_change *change = calloc(1, sizeof(*change));

    if (!change)
        return -ENOMEM;
    change->message.fn = poller_cache_change;
    change->entry = (struct cache_entry){id, value, free};
    mailbox_post(&p->mailbox, &change->message);
    return 0;
}

/* ---- Messages -------------------------------------------------------------------------------- */

void *
message_new(size_t bytes)
{
    struct poller *p = poller_current;

    return p ? buffer_take(&p->buffers, bytes) : malloc(buffer_size(bytes));
}

void
message_free(void *message, size_t bytes)
{
    struct poller *p = poller_current;

    if (p)
        buffer_give(&p->buffers, message, bytes);
    else
        free(message);
}

/* ---- A round --------------------------------------------------------------------------------- */

void
poller_defer(struct poller *p, struct task *t)
{
    if (t->queued)
        return;
    t->queued = true;
    t->next = NULL;
    *p->tasks_end = t;
    p->tasks_end = &t->next;
}

static void
poller_run_tasks(struct poller *p)
{
    struct task *t = p->tasks;

    /* Tasks that these defer run in the next round; otherwise one task could delay all others for
     * ever. */
    p->tasks = NULL;
    p->tasks_end = &p->tasks;
    while (t) {
        struct task *next = t->next;

        t->queued = false;
        t->fn(t);
        t = next;
    }
}

uint64_t
poller_due_ns(uint64_t delay_ns)
{
    return clock_after_ns(clock_now_ns(), delay_ns);
}

int
poller_arm(struct poller *p, struct timer *t, uint64_t delay_ns)
{
    return timer_arm(&p->timers, t, poller_due_ns(delay_ns));
}

static void
poller_mailbox_event(struct watch *w, uint32_t events)
{
    struct poller *p = container_of(w, struct poller, mailbox_watch);

    (void)events;
    mailbox_wake(&p->mailbox);
    metric_add(&p->metrics->messages, mailbox_handle(&p->mailbox, p, p->config.messages_max));
}

static void
poller_read_clock(struct poller *p)
{
    uint64_t now = clock_coarse_ns();

    p->now_ns = MAX(p->now_ns, now); /* it may have been read exactly before */
    p->clock_ns = 0;
}

static void
poller_run_timers(struct poller *p)
{
    if (timers_next_ns(&p->timers) > p->now_ns + COARSE_LAG_NS)
        return;
    p->now_ns = clock_now_ns();
    metric_add(&p->metrics->timers, timers_run(&p->timers, p->now_ns));
}

/* How long to wait. A far timer is approached: the wait ends early by the lag of the clock. */
static int
poller_timeout_ms(struct poller *p)
{
    uint64_t next = timers_next_ns(&p->timers), now;

    if (p->tasks || mailbox_left(&p->mailbox))
        return 0;
    if (next == UINT64_MAX)
        return -1;
    if (next > p->now_ns + 3 * COARSE_LAG_NS)
        return (int)MIN((next - p->now_ns - 2 * COARSE_LAG_NS) / NS_PER_MS, TIMEOUT_MAX_MS);
    now = clock_now_ns();
    return next > now ? (int)((next - now + NS_PER_MS - 1) / NS_PER_MS) : 0;
}

static void
poller_dispatch(struct poller *p, int n)
{
    for (int i = 0; i < n; i++) {
        struct watch *w = poller_find(p, p->events[i].data.u64);

        if (likely(w != NULL)) /* else it went away earlier in this round */
            w->fn(w, p->events[i].events);
    }
}

int
poller_round(struct poller *p, int timeout_ms)
{
    int n, own_ms = poller_timeout_ms(p);

    if (timeout_ms < 0 || (own_ms >= 0 && own_ms < timeout_ms))
        timeout_ms = own_ms;
    place_rest(&p->place, true);
    n = sys_epoll_wait(p->epoll_fd, p->events, (int)p->config.events_max, timeout_ms);
    place_rest(&p->place, false);
    if (n < 0 && errno != EINTR)
        return -errno;
    poller_read_clock(p);
    metric_add(&p->metrics->rounds, 1);
    if (n > 0) {
        metric_add(&p->metrics->events, (uint64_t)n);
        poller_dispatch(p, n);
    }
    if (mailbox_left(&p->mailbox))
        metric_add(&p->metrics->messages, mailbox_handle(&p->mailbox, p, p->config.messages_max));
    poller_run_timers(p);
    if (p->tasks)
        poller_run_tasks(p);
    return 0;
}

void
poller_run(struct poller *p)
{
    poller_current = p;
    while (!p->stopping) {
        int r = poller_round(p, -1);

        assert(r == 0); /* epoll_wait(2): any other error is a fault of this program */
    }
}
