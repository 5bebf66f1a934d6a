#include "net/connect/names.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "base/clock.h"

#define BUCKETS 64
#define PATIENCE_NS (500 * NS_PER_MS) /* for the name server, where there is an older answer */

/* A host whose name has been looked up, or is. */
struct names_host {
    struct names_host *next; /* in its bucket */
    struct address_host host;
    struct names_query *waiting;
    bool running;      /* a lookup */
    uint64_t begun_ns; /* the last one */
    uint64_t good_ns;  /* when the addresses were learnt; 0: there are none */
    uint64_t done_ns;  /* when the last lookup ended; 0: never */
    int result;        /* of it */
    unsigned count;
    struct address addresses[NAMES_ADDRESSES_MAX];
};

struct names {
    pthread_mutex_t lock; /* of all below */
    struct names_config config;
    unsigned count;
    struct names_host *buckets[BUCKETS];
};

struct names_lookup {
    struct work work;
    struct names *names;
    struct names_host *host;
    struct address_host asked;
    struct address addresses[NAMES_ADDRESSES_MAX];
};

/* ---- Hosts, under the lock ------------------------------------------------------------------- */

static struct names_host **
names_bucket(struct names *names, const struct address_host *host)
{
    uint32_t hash = 2166136261u;

    for (const char *c = host->name; *c; c++)
        hash = (hash ^ (unsigned char)*c) * 16777619u;
    return &names->buckets[hash % BUCKETS];
}

static struct names_host *
names_find(struct names *names, const struct address_host *host)
{
    struct names_host *h = *names_bucket(names, host);

    while (h && (strcmp(h->host.name, host->name) != 0 || h->host.bracketed != host->bracketed))
        h = h->next;
    return h;
}

/* The one that was looked up longest ago, of those that are not looked up now. */
static struct names_host **
names_oldest(struct names *names)
{
    struct names_host **oldest = NULL;

    for (unsigned i = 0; i < BUCKETS; i++)
        for (struct names_host **at = &names->buckets[i]; *at; at = &(*at)->next)
            if (!(*at)->running && (!oldest || (*at)->begun_ns < (*oldest)->begun_ns))
                oldest = at;
    return oldest;
}

static bool
names_make_room(struct names *names)
{
    struct names_host **at, *h;

    if (names->count < NAMES_HOSTS_MAX)
        return true;
    at = names_oldest(names);
    if (!at)
        return false;
    h = *at;
    *at = h->next;
    free(h);
    names->count--;
    return true;
}

/* NULL without memory, or where NAMES_HOSTS_MAX lookups run. */
static struct names_host *
names_host(struct names *names, const struct address_host *host)
{
    struct names_host *h = names_find(names, host), **bucket;

    if (h || !names_make_room(names))
        return h;
    h = calloc(1, sizeof(*h));
    if (!h)
        return NULL;
    bucket = names_bucket(names, host);
    h->host = *host;
    h->next = *bucket;
    *bucket = h;
    names->count++;
    return h;
}

/* Are there addresses that will do while the name server does not answer? */
static bool
names_are_usable(const struct names *names, const struct names_host *h, uint64_t now_ns)
{
    return h->good_ns && now_ns - h->good_ns < names->config.stale_ns;
}

/* The known result: a failure does not discard the addresses. */
static int
names_result(const struct names *names, const struct names_host *h, uint64_t now_ns)
{
    return h->result < 0 && names_are_usable(names, h, now_ns) ? (int)h->count : h->result;
}

/* Errors are kept for as long, so that a name without addresses is not asked for all the time. */
static bool
names_are_fresh(const struct names *names, const struct names_host *h, uint64_t now_ns)
{
    return h->done_ns && now_ns - h->done_ns < names->config.keep_ns && h->result != -EAGAIN;
}

/* ---- Queries, under the lock ----------------------------------------------------------------- */

static void
names_wait(struct names_query *q, struct names_host *h)
{
    q->host = h;
    q->next = h->waiting;
    q->prev = &h->waiting;
    if (q->next)
        q->next->prev = &q->next;
    h->waiting = q;
}

static void
names_wait_no_more(struct names_query *q)
{
    *q->prev = q->next;
    if (q->next)
        q->next->prev = q->prev;
    q->prev = NULL;
}

static void
names_told(struct message *m, void *consumer)
{
    struct names_query *q = container_of(m, struct names_query, message);
    struct poller *p = consumer;

    m->fn = NULL;
    timer_cancel(&p->timers, &q->timer);
    if (q->fn)
        q->fn(q, q->result);
    else
        free(q);
}

/* The host's addresses, or why there are none. Its fn follows. */
static void
names_tell(struct names_query *q, const struct names_host *h, int result)
{
    q->result = result;
    for (int i = 0; i < result; i++) {
        q->addresses[i] = h->addresses[i];
        address_set_port(&q->addresses[i], q->port);
    }
    q->message = (struct message){.fn = names_told};
    mailbox_post(&q->poller->mailbox, &q->message);
}

static void
names_tell_all(struct names_host *h, int result)
{
    while (h->waiting) {
        struct names_query *q = h->waiting;

        names_wait_no_more(q);
        names_tell(q, h, result);
    }
}

/* ---- Lookups --------------------------------------------------------------------------------- */

static void
names_end(struct names *names, struct names_lookup *l, int result)
{
    struct names_host *h = l->host;
    uint64_t now = clock_now_ns();

    pthread_mutex_lock(&names->lock);
    h->running = false;
    h->done_ns = now;
    h->result = result;
    if (result > 0) {
        h->good_ns = now;
        h->count = (unsigned)result;
        memcpy(h->addresses, l->addresses, h->count * sizeof(*h->addresses));
    }
    names_tell_all(h, result == -ECANCELED ? result : names_result(names, h, now));
    pthread_mutex_unlock(&names->lock);
}

static int
names_run(struct work *w)
{
    struct names_lookup *l = container_of(w, struct names_lookup, work);
    int r = address_look_up(&l->asked, false, l->addresses, NAMES_ADDRESSES_MAX, NULL);

    names_end(l->names, l, r == 0 ? -EADDRNOTAVAIL : r);
    return 0;
}

static void
names_done(struct work *w, int result)
{
    struct names_lookup *l = container_of(w, struct names_lookup, work);

    if (result == -ECANCELED)
        names_end(l->names, l, result);
    free(l);
}

/* Names that were slow share three quarters of the threads: the others are left to those that have
 * not been. */
static uint8_t
names_share(const struct names_host *h)
{
    return h->result == -EAGAIN ? 0 : work_share((uintptr_t)h);
}

static int
names_begin(struct names *names, struct names_host *h, struct poller *p)
{
    struct names_lookup *l;
    int r;

    if (h->running)
        return 0;
    l = calloc(1, sizeof(*l));
    if (!l)
        return -ENOMEM;
    l->work = (struct work){.run = names_run,
                            .done = names_done,
                            .poller = p,
                            .kind = WORK_NAMES,
                            .share = names_share(h)};
    l->names = names;
    l->host = h;
    l->asked = h->host;
    r = work_submit(names->config.work, &l->work);
    if (r < 0) {
        free(l);
        return r;
    }
    h->running = true;
    h->begun_ns = clock_now_ns();
    return 0;
}

/* ---- Asking ---------------------------------------------------------------------------------- */

/* The name server takes its time: the older answer will do. */
static void
names_waited_long(struct timer *t, uint64_t now_ns)
{
    struct names_query *q = container_of(t, struct names_query, timer);

    pthread_mutex_lock(&q->names->lock);
    if (q->prev && names_are_usable(q->names, q->host, now_ns)) {
        names_wait_no_more(q);
        names_tell(q, q->host, (int)q->host->count);
    }
    pthread_mutex_unlock(&q->names->lock);
}

static int
names_answer(struct names *names, struct names_query *q, const struct address_host *host,
             bool fresh)
{
    struct names_host *h = names_host(names, host);
    uint64_t now = clock_now_ns();
    int r;

    if (!h)
        return -ENOMEM;
    if (!fresh && names_are_fresh(names, h, now)) {
        names_tell(q, h, names_result(names, h, now));
        return 0;
    }
    r = names_begin(names, h, q->poller);
    if (r < 0)
        return r;
    if (names_are_usable(names, h, now))
        (void)poller_arm(q->poller, &q->timer, h->result < 0 ? 0 : PATIENCE_NS);
    names_wait(q, h);
    return 0;
}

int
names_ask(struct names *names, struct poller *p, const struct address_host *host, bool fresh,
          names_fn fn, void *arg, struct names_query **ret)
{
    struct names_query *q = calloc(1, sizeof(*q));
    int r;

    if (!q)
        return -ENOMEM;
    q->poller = p;
    q->names = names;
    q->timer = (struct timer){.fn = names_waited_long};
    q->fn = fn;
    q->arg = arg;
    q->port = host->port;
    pthread_mutex_lock(&names->lock);
    r = names_answer(names, q, host, fresh);
    pthread_mutex_unlock(&names->lock);
    if (r < 0) {
        free(q);
        return r;
    }
    *ret = q;
    return 0;
}

void
names_forget(struct names_query *q)
{
    bool waits;

    if (!q)
        return;
    timer_cancel(&q->poller->timers, &q->timer);
    pthread_mutex_lock(&q->names->lock);
    waits = q->prev;
    if (waits)
        names_wait_no_more(q);
    pthread_mutex_unlock(&q->names->lock);
    if (waits || !q->message.fn)
        free(q);
    else
        q->fn = NULL; /* its message is on its way */
}

/* ---- Life ------------------------------------------------------------------------------------ */

struct names *
names_new(const struct names_config *config)
{
    struct names *names = calloc(1, sizeof(*names));

    if (!names)
        return NULL;
    pthread_mutex_init(&names->lock, NULL);
    names->config = *config;
    return names;
}

void
names_free(struct names *names)
{
    if (!names)
        return;
    for (unsigned i = 0; i < BUCKETS; i++)
        while (names->buckets[i]) {
            struct names_host *h = names->buckets[i];

            names->buckets[i] = h->next;
            assert(!h->waiting);
            free(h);
        }
    pthread_mutex_destroy(&names->lock);
    free(names);
}
