#include "base/log_repeats.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

#define KINDS_MAX 32 /* at a time; lines of further ones are written */
#define NAME_BYTES 65
#define SAMPLE_BYTES 257

/* A kind that has come within the interval. */
struct repeats {
    uint64_t key; /* 0: free */
    uint64_t begun_ns;
    uint64_t count; /* of all that have come */
    int level;
    char plugin[NAME_BYTES]; /* of one that was held back; "": none */
    char listener[NAME_BYTES];
    char sample[SAMPLE_BYTES];
};

static pthread_mutex_t repeats_lock = PTHREAD_MUTEX_INITIALIZER;
static struct repeats repeats_kinds[KINDS_MAX];
static unsigned repeats_max;
static uint64_t repeats_interval_ns;
static int repeats_wake = -1;
static _Atomic uint64_t repeats_held;

void
log_repeats_limit(unsigned max, uint64_t interval_ns)
{
    memset(repeats_kinds, 0, sizeof(repeats_kinds));
    repeats_max = max;
    repeats_interval_ns = interval_ns;
}

void
log_set_wake_fd(int fd)
{
    repeats_wake = fd;
}

void
log_wake(void)
{
    uint64_t one = 1;
    ssize_t n = repeats_wake >= 0 ? write(repeats_wake, &one, sizeof(one)) : 0;

    (void)n; /* EAGAIN: it is readable already */
}

uint64_t
log_held(void)
{
    return atomic_load_explicit(&repeats_held, memory_order_relaxed);
}

/* ---- Kinds ----------------------------------------------------------------------------------- */

/* FNV-1a. */
static uint64_t
repeats_hash(uint64_t hash, const char *string)
{
    for (; string && *string; string++)
        hash = (hash ^ (unsigned char)*string) * UINT64_C(0x100000001b3);
    return (hash ^ 0xff) * UINT64_C(0x100000001b3);
}

static uint64_t
repeats_key(const struct log_event *e, const char *format)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325) + (uint64_t)e->level;

    hash = repeats_hash(hash, e->about ? e->about->plugin : NULL);
    hash = repeats_hash(hash, e->about ? e->about->listener : NULL);
    hash = repeats_hash(hash, strcmp(format, "%s") == 0 ? e->text : format);
    return hash ? hash : 1;
}

static uint64_t
repeats_count_held(const struct repeats *k)
{
    return k->count > repeats_max ? k->count - repeats_max : 0;
}

/* now_ns may be before it began: the clock is read before the lock is taken. */
static bool
repeats_is_over(const struct repeats *k, uint64_t now_ns)
{
    return now_ns >= k->begun_ns + repeats_interval_ns;
}

/* Its interval is over, and none was held back within it. */
static bool
repeats_is_free(const struct repeats *k, uint64_t now_ns)
{
    return !k->key || (repeats_is_over(k, now_ns) && repeats_count_held(k) == 0);
}

/* The place of a kind, or one for it; NULL: all are taken. */
static struct repeats *
repeats_find(uint64_t key, uint64_t now_ns)
{
    struct repeats *found = NULL;

    for (size_t i = 0; i < KINDS_MAX; i++) {
        struct repeats *k = &repeats_kinds[i];
        bool is_free = repeats_is_free(k, now_ns);

        if (k->key == key && !is_free)
            return k;
        if (is_free && (!found || k->key == key))
            found = k;
    }
    if (found)
        *found = (struct repeats){.key = key, .begun_ns = now_ns};
    return found;
}

static void
repeats_keep(struct repeats *k, const struct log_event *e)
{
    const char *plugin = e->about ? e->about->plugin : NULL;
    const char *listener = e->about ? e->about->listener : NULL;

    k->level = e->level;
    snprintf(k->plugin, sizeof(k->plugin), "%s", plugin ? plugin : "");
    snprintf(k->listener, sizeof(k->listener), "%s", listener ? listener : "");
    snprintf(k->sample, sizeof(k->sample), "%s", e->text);
}

/* ---- Reports --------------------------------------------------------------------------------- */

static void
repeats_report(const struct repeats *k, uint64_t held)
{
    struct log_about about = {.plugin = *k->plugin ? k->plugin : NULL,
                              .listener = *k->listener ? k->listener : NULL};
    char text[LOG_TEXT_MAX];
    int n = snprintf(text, sizeof(text), "held back: %llu more line%s like: %s",
                     (unsigned long long)held, held == 1 ? "" : "s", k->sample);

    log_write(&(struct log_event){k->level, &about, text, (size_t)MAX(n, 0)});
}

/* The first kind whose count is due, with the count, which is reported from now on; false: none
 * is. */
static bool
repeats_take_due(uint64_t now_ns, struct repeats *ret, uint64_t *ret_held)
{
    bool found = false;

    pthread_mutex_lock(&repeats_lock);
    for (size_t i = 0; i < KINDS_MAX && !found; i++) {
        struct repeats *k = &repeats_kinds[i];

        found = k->key && repeats_is_over(k, now_ns) && repeats_count_held(k) > 0;
        if (!found)
            continue;
        *ret = *k;
        *ret_held = repeats_count_held(k);
        k->key = 0;
    }
    pthread_mutex_unlock(&repeats_lock);
    return found;
}

void
log_report_held(uint64_t now_ns)
{
    struct repeats due;
    uint64_t held;

    while (repeats_take_due(now_ns, &due, &held))
        repeats_report(&due, held);
}

uint64_t
log_held_due_ns(void)
{
    uint64_t due = 0;

    pthread_mutex_lock(&repeats_lock);
    for (size_t i = 0; i < KINDS_MAX; i++) {
        const struct repeats *k = &repeats_kinds[i];
        uint64_t end = k->begun_ns + repeats_interval_ns;

        if (k->key && repeats_count_held(k) > 0 && (!due || end < due))
            due = end;
    }
    pthread_mutex_unlock(&repeats_lock);
    return due;
}

/* ---- Holding back ---------------------------------------------------------------------------- */

/* *ret_first: none was held back before, within the interval. */
static bool
repeats_count(const struct log_event *e, const char *format, uint64_t now_ns, bool *ret_first)
{
    uint64_t key = repeats_key(e, format), held = 0;
    struct repeats *k;

    pthread_mutex_lock(&repeats_lock);
    k = repeats_find(key, now_ns);
    if (k) {
        k->count++;
        held = repeats_count_held(k);
        if (held > 0)
            repeats_keep(k, e);
    }
    pthread_mutex_unlock(&repeats_lock);
    *ret_first = held == 1;
    return held > 0;
}

bool
log_repeats_hold(const struct log_event *e, const char *format)
{
    uint64_t now_ns;
    bool first;

    if (repeats_max == 0 || e->level > LOG_NOTICE)
        return false;
    now_ns = clock_now_ns();
    log_report_held(now_ns); /* so that the report stands before the lines that follow it */
    if (!repeats_count(e, format, now_ns, &first))
        return false;
    atomic_fetch_add_explicit(&repeats_held, 1, memory_order_relaxed);
    if (first)
        log_wake();
    return true;
}
