/* Timers and watches: each is on a list from new to free, so that one that is gone is known without
 * a look at its memory, and one that is left over is found. */
#include <search.h>

#include "plug/strict/strict.h"

enum made_type {
    MADE_TIMER,
    MADE_WATCH,
};

static const char *const made_names[] = {"timer", "watch"};

struct made {
    const void *pointer;
    enum made_type type;
    const struct poller *poller;
    struct caller by; /* its plugin */
};

static pthread_mutex_t made_lock = PTHREAD_MUTEX_INITIALIZER;
static void *made_all; /* tsearch(3), by pointer */

static int
made_compare(const void *a, const void *b)
{
    uintptr_t x = (uintptr_t)((const struct made *)a)->pointer;
    uintptr_t y = (uintptr_t)((const struct made *)b)->pointer;

    return (x > y) - (x < y);
}

/* False without memory. */
static bool
made_add(const struct caller *k, const void *pointer, enum made_type type)
{
    struct made *made = malloc(sizeof(*made));
    bool added;

    if (!made)
        return false;
    *made = (struct made){pointer, type, poller_current, *k};
    pthread_mutex_lock(&made_lock);
    added = tsearch(made, &made_all, made_compare) != NULL;
    pthread_mutex_unlock(&made_lock);
    if (!added)
        free(made);
    return added;
}

static struct made
made_find(const void *pointer)
{
    struct made key = {.pointer = pointer};
    struct made **found, copy = {0};

    pthread_mutex_lock(&made_lock);
    found = tfind(&key, &made_all, made_compare);
    if (found)
        copy = **found;
    pthread_mutex_unlock(&made_lock);
    return copy;
}

static void
made_remove(const void *pointer)
{
    struct made key = {.pointer = pointer};
    struct made **found, *made = NULL;

    pthread_mutex_lock(&made_lock);
    found = tfind(&key, &made_all, made_compare);
    if (found) {
        made = *found;
        tdelete(made, &made_all, made_compare);
    }
    pthread_mutex_unlock(&made_lock);
    free(made);
}

/* ---- Rules ----------------------------------------------------------------------------------- */

static void
rule_made(struct caller *k, const void *pointer, enum made_type type)
{
    struct made made;

    rule_given(k, pointer, made_names[type]);
    made = made_find(pointer);
    if (!made.pointer || made.type != type)
        rule_broken(k, RULE_FUNCTIONS, "was given a %s that is none: it has been freed",
                    made_names[type]);
    rule_poller_index(k, made.poller->index, made_names[type]);
}

static void
made_look(const void *node, VISIT order, void *poller)
{
    const struct made *made = *(struct made *const *)node;

    if ((order == postorder || order == leaf) && made->poller == poller)
        rule_broken(&made->by, RULE_FUNCTIONS,
                    "has made a %s on poller %u that is still there after poller_stop, which has "
                    "to free it",
                    made_names[made->type], made->poller->index);
}

void
strict_poller_stopped(struct poller *p)
{
    pthread_mutex_lock(&made_lock);
    twalk_r(made_all, made_look, p);
    pthread_mutex_unlock(&made_lock);
}

/* ---- Timers ---------------------------------------------------------------------------------- */

static struct goevd_timer *
strict_timer_new(struct goevd_poller *poller, goevd_timer_fn fn, void *arg)
{
    struct caller *k = CALLER;
    struct goevd_timer *timer;

    rule_poller(k, poller);
    rule_given(k, fn, "function");
    timer = host_tables.core.timer_new(poller, fn, arg);
    if (!timer || made_add(k, timer, MADE_TIMER))
        return timer;
    host_tables.core.timer_free(timer);
    return NULL;
}

static void
strict_timer_free(struct goevd_timer *timer)
{
    if (!timer)
        return;
    rule_made(CALLER, timer, MADE_TIMER);
    made_remove(timer);
    host_tables.core.timer_free(timer);
}

static int
strict_timer_arm(struct goevd_timer *timer, uint64_t delay_ns, uint64_t period_ns)
{
    rule_made(CALLER, timer, MADE_TIMER);
    return host_tables.core.timer_arm(timer, delay_ns, period_ns);
}

static void
strict_timer_cancel(struct goevd_timer *timer)
{
    rule_made(CALLER, timer, MADE_TIMER);
    host_tables.core.timer_cancel(timer);
}

/* ---- Watches --------------------------------------------------------------------------------- */

static struct goevd_watch *
strict_watch_new(struct goevd_poller *poller, int fd, goevd_watch_fn fn, void *arg)
{
    struct caller *k = CALLER;
    struct goevd_watch *watch;

    rule_poller(k, poller);
    rule_given(k, fn, "function");
    watch = host_tables.poller.watch_new(poller, fd, fn, arg);
    if (!watch || made_add(k, watch, MADE_WATCH))
        return watch;
    host_tables.poller.watch_free(watch);
    return NULL;
}

static void
strict_watch_free(struct goevd_watch *watch)
{
    if (!watch)
        return;
    rule_made(CALLER, watch, MADE_WATCH);
    made_remove(watch);
    host_tables.poller.watch_free(watch);
}

static int
strict_watch_set(struct goevd_watch *watch, unsigned events)
{
    rule_made(CALLER, watch, MADE_WATCH);
    return host_tables.poller.watch_set(watch, events);
}

void
strict_made_fill(struct host_tables *table)
{
    table->core.timer_new = strict_timer_new;
    table->core.timer_free = strict_timer_free;
    table->core.timer_arm = strict_timer_arm;
    table->core.timer_cancel = strict_timer_cancel;
    table->poller.watch_new = strict_watch_new;
    table->poller.watch_free = strict_watch_free;
    table->poller.watch_set = strict_watch_set;
}
