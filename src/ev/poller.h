/* A poller: one thread, one epoll instance, its timers, its mailbox, its cache and whatever it
 * watches. Nothing in it is locked, for only its own thread touches it; the rest of the world
 * reaches it through its mailbox. */
#pragma once

#include <sys/epoll.h>

#include "base/clock.h"
#include "ev/buffers.h"
#include "ev/cache.h"
#include "ev/mailbox.h"
#include "ev/metric.h"
#include "ev/place.h"
#include "ev/slots.h"
#include "ev/timer.h"

#define POLLERS_MAX 256

struct poller_config {
    size_t read_buffer_bytes;  /* for the layers above */
    size_t write_buffer_bytes; /* likewise */
    size_t buffers_kept_max;   /* bytes that `buffers` may keep */
    unsigned events_max;       /* events taken by one epoll_wait(2) */
    unsigned accepts_max;      /* connections accepted by one event, for the layers above */
    unsigned messages_max;     /* messages handled in one round */
    unsigned mailbox_max;      /* counted messages that may wait */
};

struct watch;
typedef void (*watch_fn)(struct watch *w, uint32_t events);

/* A file descriptor that is watched; embedded in its owner. */
struct watch {
    watch_fn fn;
    uint64_t id; /* 0: not added */
    int fd;
    uint32_t events; /* events requested from epoll */
};

/* In watch.events: the fd is not in epoll at present. */
#define WATCH_MUTED UINT32_MAX

struct task;
typedef void (*task_fn)(struct task *t);

/* Work that is put off to the end of the round; embedded in its owner. */
struct task {
    struct task *next;
    task_fn fn;
    bool queued;
};

/* Kinds of jobs that pollers leave to the threads of the work pool, see ev/work.h. */
enum work_kind {
    WORK_JOBS,    /* of plugins, which may wait for anything */
    WORK_COMPUTE, /* which only compute, such as hashes of passwords */
    WORK_FILES,   /* which read files */
    WORK_NAMES,   /* lookups */
    WORK_LOGS,    /* lines of plugins' log files */
    WORK_KINDS
};

struct poller_metrics {
    metric rounds;                   /* returns of epoll_wait */
    metric events;                   /* events they brought */
    metric timers;                   /* timers that came due */
    metric messages;                 /* messages handled */
    metric work_pending[WORK_KINDS]; /* jobs that wait or run now */
    metric work_refused[WORK_KINDS]; /* jobs */
    metric accepted;                 /* connections accepted here, also for others */
};

struct poller {
    int epoll_fd;
    unsigned index; /* among all pollers of the process, 0 to 255 */
    int cpu;        /* the CPU it is pinned to, or -1 */
    bool stopping;
    uint64_t now_ns;   /* when this round began, at most a tick behind */
    uint64_t clock_ns; /* an exact time of this round; 0: it was not read yet */
    struct task *tasks, **tasks_end;
    struct epoll_event *events;
    struct timers timers;
    struct watch mailbox_watch;
    void *net; /* data of the net layer */
    struct poller_config config;
    struct cache cache;
    struct slots slots;
    struct buffers buffers;
    struct place place; /* the callback that it is running */

    struct poller_metrics *metrics; /* its own, or where other processes read them */
    _Alignas(64) struct poller_metrics own_metrics;

    /* Written by other threads too. */
    _Alignas(64) struct mailbox mailbox;
    _Alignas(64) atomic_int load; /* connections it holds or is about to be handed */
};

/* The poller takes a free index of the process. */
int poller_new(const struct poller_config *config, struct poller **ret, struct err *reterr);

/* After its thread has ended; NULL does nothing. */
void poller_free(struct poller *p);

/* When its thread has ended: refuse further counted messages and handle those that came. */
void poller_drain(struct poller *p);

/* The poller of that index, or NULL [any thread]. */
struct poller *poller_at(unsigned index);

/* The poller whose thread this is, or NULL. */
extern OF_THREAD struct poller *poller_current;

/* Take part in rounds until poller_stop(); the calling thread becomes the poller's. */
void poller_run(struct poller *p);

/* One round: wait for at most timeout_ms (-1: as long as there is nothing to do), then handle the
 * events that came. 0; a negative errno of epoll_wait(2). */
int poller_round(struct poller *p, int timeout_ms);

/* [poller] poller_run() returns when this round ends. */
static inline void
poller_stop(struct poller *p)
{
    p->stopping = true;
}

/* [poller] Watch fd for events (EPOLLIN, EPOLLOUT, EPOLLEXCLUSIVE; level-triggered). w->fn is
 * called until poller_unwatch(), never after it, not even for events that were already taken. */
int poller_watch(struct poller *p, struct watch *w, int fd, uint32_t events, watch_fn fn);

/* [poller] The same, but muted: fd joins epoll when poller_rewatch() first asks for events. */
int poller_watch_muted(struct poller *p, struct watch *w, int fd, watch_fn fn);

/* [poller] Ask for other events. 0 asks for errors and hang-ups alone, which epoll always
 * reports. */
int poller_rewatch(struct poller *p, struct watch *w, uint32_t events);

/* [poller] Nothing if it is not watched. */
void poller_unwatch(struct poller *p, struct watch *w);

/* [poller] Take the fd out of epoll, hang-ups too; w keeps its id and returns by
 * poller_rewatch(). */
void poller_mute(struct poller *p, struct watch *w);

static inline bool
poller_muted(const struct watch *w)
{
    return w->events == WATCH_MUTED;
}

/* [poller] As poller_unwatch(), for an fd that has no other holder and is closed next: epoll lets
 * go of it then, without a system call of its own. */
void poller_forget(struct poller *p, struct watch *w);

/* [poller] The watch with this id, or NULL. */
static inline struct watch *
poller_find(struct poller *p, uint64_t id)
{
    struct watch *w = slots_at(&p->slots, slots_id_slot(id));

    return w && w->id == id ? w : NULL;
}

/* [poller] Run t->fn once before the next wait; nothing if it is queued already. */
void poller_defer(struct poller *p, struct task *t);

/* Memory for a message to a poller [any thread]. Where pollers send to each other it goes round
 * among their buffers; other threads allocate with malloc. `bytes` is the same for both. NULL
 * without memory. */
void *message_new(size_t bytes);
void message_free(void *message, size_t bytes);

/* How many connections it holds or is about to be handed [any thread]. */
static inline int
poller_load(struct poller *p)
{
    return atomic_load_explicit(&p->load, memory_order_relaxed);
}

/* When a timer of that delay is due. */
uint64_t poller_due_ns(uint64_t delay_ns);

/* [poller] An exact time of this round, the same for all callers. */
static inline uint64_t
poller_clock_ns(struct poller *p)
{
    if (p->clock_ns == 0)
        p->clock_ns = clock_now_ns();
    return p->clock_ns;
}

/* [poller] delay_ns from now; 0 or -ENOMEM. */
int poller_arm(struct poller *p, struct timer *t, uint64_t delay_ns);

/* [any thread] Let id stand for value in the poller's cache, when its thread comes to it; NULL lets
 * it stand for nothing. Later changes by the same thread come later. The value is the cache's from
 * now on, cache_set() says how long. 0; -ENOMEM, and the value is still the caller's. */
int poller_cache_set(struct poller *p, uint64_t id, void *value, cache_free_fn free);
