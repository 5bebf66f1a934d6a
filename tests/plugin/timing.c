/* Timers of connections and of instances, armed and cancelled from their own callbacks. A client
 * sends one line, "WHO WHAT N", and gets the number of callbacks and the sum of their numbers:
 *
 *   WHO   conn: timers of the connection; own: of the instance, on the poller of the connection
 *   WHAT  once      N timers, due within 10 ms, each once
 *         period    one each ms, which cancels itself in its Nth callback
 *         again     one that is due once and arms itself again, until its Nth callback
 *         slower    one each ms, which makes itself one that is due once, in its first callback
 *         neighbour N timers, all due at once; the first callback cancels all the others
 *         free      as once; each frees itself (own)
 *
 * The answer comes 20 ms after the last callback that should, and counts those that should not.
 */
#include <stdio.h>
#include <stdlib.h>

#include "plain.h"

#define MS INT64_C(1000000)
#define ANSWER UINT64_C(0) /* the cookie of the timer that answers; others begin at 1 */

struct timing;

struct own {
    struct goevd_timer *timer;
    struct goevd_conn *c;
    struct timing *timing;
    unsigned number;
};

struct timing {
    struct own *own; /* NULL: timers of the connection */
    char what[16];
    unsigned count, wanted, came;
    unsigned long sum;
};

static void timing_own_due(struct goevd_timer *timer, void *arg);

static int
timing_arm(struct goevd_conn *c, struct timing *t, unsigned number, uint64_t delay_ns,
           uint64_t period_ns)
{
    struct own *own = t->own ? &t->own[number - 1] : NULL;

    if (!own)
        return goevd_conn_timer_arm(c, number, delay_ns, period_ns);
    if (!own->timer) {
        own->c = c;
        own->timing = t;
        own->number = number;
        own->timer = goevd_timer_new(goevd_conn_poller(c), timing_own_due, own);
    }
    return own->timer ? goevd_timer_arm(own->timer, delay_ns, period_ns) : -ENOMEM;
}

static void
timing_cancel(struct goevd_conn *c, struct timing *t, unsigned number)
{
    if (t->own)
        goevd_timer_cancel(t->own[number - 1].timer);
    else
        goevd_conn_timer_cancel(c, number);
}

static void
timing_free(struct timing *t, unsigned number)
{
    goevd_timer_free(t->own[number - 1].timer);
    t->own[number - 1].timer = NULL;
}

static int
timing_due(struct goevd_conn *c, struct timing *t, unsigned number)
{
    int r = 0;

    t->came++;
    t->sum += number;
    if (strcmp(t->what, "again") == 0 && t->came < t->wanted)
        r = timing_arm(c, t, number, 1, 0);
    else if (strcmp(t->what, "period") == 0 && t->came == t->wanted)
        timing_cancel(c, t, number);
    else if (strcmp(t->what, "slower") == 0 && t->came == 1)
        r = timing_arm(c, t, number, 1 * MS, 0);
    else if (strcmp(t->what, "neighbour") == 0)
        for (unsigned i = 1; i <= t->count; i++)
            timing_cancel(c, t, i);
    else if (strcmp(t->what, "free") == 0)
        timing_free(t, number);
    return r < 0 || t->came != t->wanted ? r : goevd_conn_timer_arm(c, ANSWER, 20 * MS, 0);
}

static void
timing_own_due(struct goevd_timer *timer, void *arg)
{
    struct own *own = arg;

    if (own->timer != timer || timing_due(own->c, own->timing, own->number) < 0)
        goevd_conn_close(own->c, GOEVD_CLOSE_NOW);
}

/* ---- The connection -------------------------------------------------------------------------- */

static int
timing_answer(struct goevd_conn *c, struct timing *t)
{
    char line[64];
    int n = snprintf(line, sizeof(line), "came %u sum %lu\n", t->came, t->sum);

    return goevd_conn_write(c, line, (size_t)n) < 0 ? -1 : 0;
}

static int
timing_timeout(struct goevd_conn *c, void *state, uint64_t cookie)
{
    return cookie == ANSWER ? timing_answer(c, state) : timing_due(c, state, (unsigned)cookie);
}

static int
timing_begin(struct goevd_conn *c, struct timing *t)
{
    bool one = strcmp(t->what, "neighbour") == 0;
    bool many = one || strcmp(t->what, "once") == 0 || strcmp(t->what, "free") == 0;
    int r = 0;

    t->count = many ? t->wanted : 1;
    t->wanted = one ? 1 : t->wanted;
    for (unsigned i = 1; i <= t->count && r == 0; i++)
        r = timing_arm(c, t, i, one ? 1 : (i * UINT64_C(7919) % 10000 + 1) * (MS / 1000),
                       many || strcmp(t->what, "again") == 0 ? 0 : 1 * MS);
    return r;
}

static ptrdiff_t
timing_read(struct goevd_conn *c, void *state, const char *data, size_t len, size_t fresh,
            unsigned flags)
{
    struct timing *t = state;
    char line[64], who[8];

    (void)fresh, (void)flags;
    if (data[len - 1] != '\n')
        return len < sizeof(line) ? 0 : -1;
    snprintf(line, sizeof(line), "%.*s", (int)len, data);
    if (sscanf(line, "%7s %15s %u", who, t->what, &t->wanted) != 3)
        return -1;
    if (strcmp(who, "own") == 0) {
        t->own = calloc(t->wanted, sizeof(*t->own));
        if (!t->own)
            return -1;
    }
    return timing_begin(c, t) < 0 ? -1 : (ptrdiff_t)len;
}

static void
timing_close(struct goevd_conn *c, void *state, enum goevd_reason reason)
{
    struct timing *t = state;

    (void)c, (void)reason;
    if (!t->own)
        return;
    for (unsigned i = 1; i <= t->count; i++)
        timing_free(t, i);
    free(t->own);
}

static const struct goevd_stream timing_stream = {
    .version = GOEVD_VERSION_OF(struct goevd_stream),
    .conn_size = sizeof(struct timing),
    .on_read = timing_read,
    .on_timeout = timing_timeout,
    .on_close = timing_close,
};

static const void *
timing_interface(const char *id)
{
    return strcmp(id, GOEVD_STREAM) == 0 ? &timing_stream : NULL;
}

GOEVD_PLUGIN(.name = "timing", .description = "arms timers", .create = plain_create,
             .interface = timing_interface);
