#include "net/accept/balance.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fd.h"
#include "net/accept/listener.h"

#define WINDOW_NS (50 * NS_PER_MS)
#define WINDOW_ACCEPTS_MIN 8       /* a window goes on until there are as many, ... */
#define WINDOW_MAX_NS NS_PER_S     /* ... but not for ever */
#define VERDICT_NS NS_PER_S        /* how long it holds */
#define DOUBT_NS (100 * NS_PER_MS) /* how long windows must contradict it, if it was a fair one */
#define PASSING_MIN 32             /* connections more than before, that may yet be passing */
#define HELD_NS (50 * NS_PER_MS)   /* the longest that one is held, ... */
#define HELD_QUIET_NS (3 * NS_PER_MS) /* ... and the longest once no poller accepts any more */
#define HELD_LOOK_NS NS_PER_MS
#define HELD_MIN 2       /* connections up to which none is held: so few may lie anywhere */
#define SLACK_MIN 1      /* one connection more is never clearly more */
#define SLACK_FAIR_MIN 8 /* where steering works, chance is left alone */

int
balance_begin(struct net *net)
{
    struct balance *b;

    if (net->balance)
        return 0;
    b = calloc(1, sizeof(*b));
    if (!b)
        return -ENOMEM;
    b->poller = net->poller;
    b->random = net->poller->index + 1;
    b->held_end = &b->held;
    net->balance = b;
    return 0;
}

/* ---- Do the others accept too? --------------------------------------------------------------- */

static uint64_t
balance_others(const struct balance *b)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < b->reactor->count; i++)
        if (b->reactor->pollers[i] != b->poller)
            sum += metric_get(&b->reactor->pollers[i]->metrics->accepted);
    return sum;
}

static void
balance_begin_window(struct balance *b, uint64_t now_ns)
{
    b->window_ns = now_ns;
    b->mine_before = b->mine;
    b->mine = 0;
    b->load_start = poller_load(b->poller);
    b->others_start = balance_others(b);
}

static void
balance_judge(struct balance *b, uint64_t now_ns)
{
    uint64_t others = balance_others(b) - b->others_start;
    bool fair = 2 * others >= b->mine * (b->reactor->count - 1);
    int64_t grown = poller_load(b->poller) - b->load_start;
    bool was_fair = b->verdict == BALANCE_FAIR || b->verdict == BALANCE_PASSING;

    if (!fair && was_fair && now_ns - b->verdict_ns < DOUBT_NS)
        return;
    b->verdict_ns = now_ns;
    if (!fair)
        b->verdict = BALANCE_ONE_SIDED;
    else
        b->verdict = 2 * grown < (int64_t)b->mine ? BALANCE_PASSING : BALANCE_FAIR;
}

static void
balance_look(struct balance *b, uint64_t now_ns)
{
    uint64_t age = now_ns - b->window_ns;

    if (age < WINDOW_NS || (b->mine < WINDOW_ACCEPTS_MIN && age < WINDOW_MAX_NS))
        return;
    if (age < WINDOW_MAX_NS) /* an older window has no meaning for the present */
        balance_judge(b, now_ns);
    balance_begin_window(b, now_ns);
}

static enum balance_verdict
balance_verdict(const struct balance *b, uint64_t now_ns)
{
    return now_ns - b->verdict_ns <= VERDICT_NS ? b->verdict : BALANCE_UNKNOWN;
}

/* Would this poller, with `mine` connections, stand clearly above the least loaded one? */
static bool
balance_above(const struct listener *l, int mine, struct poller *least, int slack_min)
{
    unsigned percent = atomic_load_explicit(&l->imbalance_percent, memory_order_relaxed);
    int slack = mine * (int)percent / 100;

    return mine - poller_load(least) > MAX(slack, slack_min);
}

/* Whether this looks like a wave of short connections, like the ones before. */
static bool
balance_passes(const struct balance *b, int mine)
{
    return mine - b->load_start <= MAX(PASSING_MIN, (int64_t)b->mine_before);
}

/* ---- Giving and keeping ---------------------------------------------------------------------- */

static void
balance_arrive(struct message *m, void *consumer)
{
    struct handover *h = container_of(m, struct handover, message);

    listener_open_conn(h->listener, consumer, h->fd, (struct sockaddr *)&h->peer);
    message_free(h, sizeof(*h));
}

static void
balance_give(struct balance *b, struct handover *h, struct poller *to)
{
    metric_add(&net_of(b->poller)->metrics->handed_over, 1);
    h->message = (struct message){.fn = balance_arrive};
    mailbox_post(&to->mailbox, &h->message);
}

static void
balance_keep(struct balance *b, struct handover *h)
{
    listener_open_conn(h->listener, b->poller, h->fd, (struct sockaddr *)&h->peer);
    message_free(h, sizeof(*h));
}

static struct handover *
balance_pop_held(struct balance *b)
{
    struct handover *h = b->held;

    b->held = h->next;
    if (!b->held)
        b->held_end = &b->held;
    return h;
}

/* This poller accepts no more, and the others have not at all: the next ones need not be held. */
static void
balance_judge_quiet(struct balance *b, uint64_t now_ns)
{
    if (balance_verdict(b, now_ns) != BALANCE_UNKNOWN || balance_others(b) != b->others_start)
        return;
    b->verdict = BALANCE_ONE_SIDED;
    b->verdict_ns = now_ns;
}

/* Decide of the oldest that is held; false: not yet. It counts in this poller's load. */
static bool
balance_decide(struct balance *b, uint64_t now_ns)
{
    struct handover *h = b->held;
    struct poller *least = reactor_less_loaded(b->reactor, &b->random);
    enum balance_verdict verdict = balance_verdict(b, now_ns);
    bool fair = verdict == BALANCE_FAIR || verdict == BALANCE_PASSING;

    if (!balance_above(h->listener, poller_load(b->poller), least,
                       fair ? SLACK_FAIR_MIN : SLACK_MIN)) {
        balance_keep(b, balance_pop_held(b));
        return true;
    }
    if (now_ns - b->busy_ns >= HELD_QUIET_NS)
        balance_judge_quiet(b, now_ns);
    else if (now_ns - h->since_ns < HELD_NS)
        return false;
    atomic_fetch_sub_explicit(&b->poller->load, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&least->load, 1, memory_order_relaxed);
    balance_give(b, balance_pop_held(b), least);
    return true;
}

/* Connections come in as long as any poller accepts some. */
static void
balance_note_others(struct balance *b, uint64_t now_ns)
{
    uint64_t others = balance_others(b);

    if (others != b->others_seen)
        b->busy_ns = now_ns;
    b->others_seen = others;
}

static void
balance_due(struct timer *t, uint64_t now_ns)
{
    struct balance *b = container_of(t, struct balance, timer);

    balance_look(b, now_ns);
    balance_note_others(b, now_ns);
    while (b->held && balance_decide(b, now_ns))
        ;
    if (b->held && timer_arm(&b->poller->timers, t, now_ns + HELD_LOOK_NS) < 0)
        balance_settle(b);
}

void
balance_settle(struct balance *b)
{
    if (!b)
        return;
    timer_cancel(&b->poller->timers, &b->timer);
    while (b->held)
        balance_keep(b, balance_pop_held(b));
}

static void
balance_hold(struct balance *b, struct handover *h, uint64_t now_ns)
{
    h->since_ns = now_ns;
    *b->held_end = h;
    b->held_end = &h->next;
    b->timer.fn = balance_due;
    if (!timer_armed(&b->timer) &&
        timer_arm(&b->poller->timers, &b->timer, now_ns + HELD_LOOK_NS) < 0)
        balance_settle(b);
}

static struct handover *
balance_wrap(struct listener *l, int fd, const struct sockaddr_storage *peer)
{
    struct handover *h = message_new(sizeof(*h));

    if (!h)
        return NULL;
    *h = (struct handover){.listener = l, .fd = fd};
    memcpy(&h->peer, peer, sizeof(h->peer));
    return h;
}

/* ---- Placing --------------------------------------------------------------------------------- */

/* The poller that is to serve it; NULL: hold it. */
static struct poller *
balance_choose(struct balance *b, const struct listener *l, uint64_t now_ns)
{
    struct poller *self = b->poller, *least = reactor_less_loaded(l->config.serve, &b->random);
    int mine = poller_load(self) + 1;

    if (l->config.mode == LISTENER_ACCEPTOR)
        return least;
    if (!balance_above(l, mine, least, SLACK_MIN))
        return self;
    switch (balance_verdict(b, now_ns)) {
    case BALANCE_PASSING:
        if (balance_passes(b, mine))
            return self;
        /* fall through */
    case BALANCE_FAIR:
        if (!balance_above(l, mine, least, SLACK_FAIR_MIN))
            return self;
        break;
    case BALANCE_ONE_SIDED:
        return least;
    case BALANCE_UNKNOWN:
        break;
    }
    return l->steered && mine > HELD_MIN ? NULL : least;
}

static struct poller *
balance_choose_among_own(struct balance *b, const struct listener *l, uint64_t now_ns)
{
    if (b->reactor != l->config.serve) {
        b->reactor = l->config.serve;
        balance_begin_window(b, now_ns);
    }
    b->mine++;
    b->busy_ns = now_ns;
    balance_look(b, now_ns);
    return balance_choose(b, l, now_ns);
}

static bool
balance_is_among(const struct poller *p, const struct reactor *r)
{
    for (unsigned i = 0; i < r->count; i++)
        if (r->pollers[i] == p)
            return true;
    return false;
}

void
balance_place(struct balance *b, struct listener *l, const struct reactor *r, int fd,
              const struct sockaddr_storage *peer, uint64_t now_ns)
{
    struct poller *to = likely(r == l->config.serve) ? balance_choose_among_own(b, l, now_ns)
                                                     : reactor_less_loaded(r, &b->random);
    struct handover *h = to == b->poller ? NULL : balance_wrap(l, fd, peer);

    if (!h && to != b->poller && !balance_is_among(b->poller, r)) {
        listener_refuse(l, b->poller, (const struct sockaddr *)peer, NET_REFUSED_MEMORY);
        fd_close(fd);
        return;
    }
    if (!h || !to)
        to = b->poller; /* without memory to give it away, it stays */
    atomic_fetch_add_explicit(&to->load, 1, memory_order_relaxed);
    if (!h)
        listener_open_conn(l, to, fd, (const struct sockaddr *)peer);
    else if (to == b->poller)
        balance_hold(b, h, now_ns);
    else
        balance_give(b, h, to);
}
