/* The parts of a plugin on a poller: storage, timers, its own file descriptors. A timer or a watch
 * belongs to the plugin that was running when it was made. */
#include <errno.h>

#include "plug/host/host_parts.h"

unsigned
host_poller_index(struct goevd_poller *poller)
{
    return ((struct poller *)poller)->index;
}

uint64_t
host_poller_now(struct goevd_poller *poller)
{
    return host_poller(poller)->now_ns;
}

uint64_t
host_poller_clock(struct goevd_poller *poller)
{
    return poller_clock_ns(host_poller(poller));
}

void *
host_poller_local(struct goevd_self *self, struct goevd_poller *poller)
{
    return host_self(self)->locals[host_poller(poller)->index];
}

const void *
host_options(struct goevd_self *self, struct goevd_poller *poller)
{
    const struct instance *i = host_self(self);
    const void *present = i->present[host_poller(poller)->index];

    return present ? present : i->options;
}

/* ---- Timers ---------------------------------------------------------------------------------- */

#define TIMER_MAGIC 0x7153e201
#define WATCH_MAGIC 0x3a7c4b02

struct goevd_timer {
    uint32_t magic; /* TIMER_MAGIC */
    struct timer timer;
    struct poller *poller;
    uint64_t period_ns;
    goevd_timer_fn fn;
    void *arg;
    const struct place_owner *owner;
};

static void
host_timer_due(struct timer *timer, uint64_t now_ns)
{
    struct goevd_timer *t = container_of(timer, struct goevd_timer, timer);

    if (t->period_ns)
        timer_repeat(&t->poller->timers, timer, t->period_ns, now_ns);
    place_enter(place_here, t->owner, "timer", 0);
    t->fn(t, t->arg);
    place_leave(place_here);
}

struct goevd_timer *
host_timer_new(struct goevd_poller *poller, goevd_timer_fn fn, void *arg)
{
    struct goevd_timer *t = calloc(1, sizeof(*t));

    if (!t)
        return NULL;
    t->magic = TIMER_MAGIC;
    t->timer.fn = host_timer_due;
    t->poller = host_poller(poller);
    t->fn = fn;
    t->arg = arg;
    t->owner = place_owner(place_here);
    return t;
}

void
host_timer_cancel(struct goevd_timer *t)
{
    HOST_CHECK(t, TIMER_MAGIC, "timer");
    assert(t->poller == poller_current);
    timer_cancel(&t->poller->timers, &t->timer);
}

void
host_timer_free(struct goevd_timer *t)
{
    if (!t)
        return;
    HOST_CHECK(t, TIMER_MAGIC, "timer");
    assert(t->poller == poller_current);
    timer_cancel(&t->poller->timers, &t->timer);
    magic_clear(&t->magic);
    free(t);
}

int
host_timer_arm(struct goevd_timer *t, uint64_t delay_ns, uint64_t period_ns)
{
    HOST_CHECK(t, TIMER_MAGIC, "timer");
    assert(t->poller == poller_current);
    t->period_ns = period_ns;
    return poller_arm(t->poller, &t->timer, delay_ns);
}

/* ---- File descriptors ------------------------------------------------------------------------ */

struct goevd_watch {
    uint32_t magic; /* WATCH_MAGIC */
    struct watch watch;
    struct poller *poller;
    unsigned events; /* enum goevd_watch_events */
    goevd_watch_fn fn;
    void *arg;
    const struct place_owner *owner;
};

/* An error or a hang-up is reported as all requested events: the next read or write finds it. */
static void
host_watch_event(struct watch *watch, uint32_t events)
{
    struct goevd_watch *w = container_of(watch, struct goevd_watch, watch);
    unsigned told = 0;

    if (events & EPOLLIN)
        told |= GOEVD_WATCH_READ;
    if (events & EPOLLOUT)
        told |= GOEVD_WATCH_WRITE;
    if (events & (EPOLLERR | EPOLLHUP))
        told |= w->events | GOEVD_WATCH_ERROR;
    place_enter(place_here, w->owner, "watch", 0);
    w->fn(w, told, w->arg);
    place_leave(place_here);
}

struct goevd_watch *
host_watch_new(struct goevd_poller *poller, int fd, goevd_watch_fn fn, void *arg)
{
    struct goevd_watch *w = calloc(1, sizeof(*w));

    if (!w)
        return NULL;
    w->magic = WATCH_MAGIC;
    w->poller = host_poller(poller);
    w->fn = fn;
    w->arg = arg;
    w->owner = place_owner(place_here);
    if (poller_watch_muted(w->poller, &w->watch, fd, host_watch_event) < 0) {
        free(w);
        return NULL;
    }
    return w;
}

void
host_watch_free(struct goevd_watch *w)
{
    if (!w)
        return;
    HOST_CHECK(w, WATCH_MAGIC, "watch");
    assert(w->poller == poller_current);
    poller_unwatch(w->poller, &w->watch);
    magic_clear(&w->magic);
    free(w);
}

int
host_watch_set(struct goevd_watch *w, unsigned events)
{
    uint32_t wanted = 0;
    int r;

    HOST_CHECK(w, WATCH_MAGIC, "watch");
    assert(w->poller == poller_current);
    if (events & ~(unsigned)(GOEVD_WATCH_READ | GOEVD_WATCH_WRITE))
        return -EINVAL;
    if (events & GOEVD_WATCH_READ)
        wanted |= EPOLLIN;
    if (events & GOEVD_WATCH_WRITE)
        wanted |= EPOLLOUT;
    if (wanted == 0) {
        poller_mute(w->poller, &w->watch);
        w->events = 0;
        return 0;
    }
    r = poller_rewatch(w->poller, &w->watch, wanted);
    if (r == 0)
        w->events = events;
    return r;
}
