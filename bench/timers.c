/* The cost of a timer while many are armed: nanoseconds of CPU time to arm, move, cancel and
 * expire.
 *
 *   timers poller|conn [--armed N] [--connections N] [--rounds N]
 *
 * The timers are a poller's own, as goevd_timer_arm() arms them, or those of connections, as
 * goevd_conn_timer_arm() does. In each round, a tenth of the number that is armed is armed on top,
 * a tenth is moved, a tenth cancelled, and a tenth comes due; times and victims are random. A line
 * for each round: arm, move, cancel, expire.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "net/conn/conn.h"

#define SPAN_NS                                                                                    \
    (1000 * NS_PER_S) /* deadlines lie within it, so far that none comes due by itself */
#define PARTS 10

struct owner {
    struct timer timer;
    char rest[48]; /* as large as the state of a plugin */
};

struct bench {
    struct poller *poller;
    size_t armed, part, connections;
    uint64_t *order; /* of victims, 0 to armed + part - 1 */
    uint64_t seed;
    size_t expired;
    struct owner *owners; /* poller: the timers */
    struct conn **conns;  /* conn: timer i is of connection i mod connections */
    int (*arm)(struct bench *b, uint64_t i, uint64_t delay_ns);
    void (*cancel)(struct bench *b, uint64_t i);
};

static struct bench bench;

static void
check(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "timers: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* xorshift64*. */
static uint64_t
roll(struct bench *b)
{
    b->seed ^= b->seed >> 12;
    b->seed ^= b->seed << 25;
    b->seed ^= b->seed >> 27;
    return b->seed * UINT64_C(0x2545f4914f6cdd1d) >> 8;
}

static void
shuffle(struct bench *b)
{
    for (size_t i = b->armed + b->part - 1; i > 0; i--) {
        size_t with = roll(b) % (i + 1);
        uint64_t old = b->order[i];

        b->order[i] = b->order[with];
        b->order[with] = old;
    }
}

/* ---- A poller's timers ----------------------------------------------------------------------- */

static void
owner_due(struct timer *t, uint64_t now_ns)
{
    (void)t, (void)now_ns;
    bench.expired++;
}

static int
owner_arm(struct bench *b, uint64_t i, uint64_t delay_ns)
{
    return poller_arm(b->poller, &b->owners[i].timer, delay_ns);
}

static void
owner_cancel(struct bench *b, uint64_t i)
{
    timer_cancel(&b->poller->timers, &b->owners[i].timer);
}

static void
bench_poller(struct bench *b)
{
    b->arm = owner_arm;
    b->cancel = owner_cancel;
    b->owners = calloc(b->armed + b->part, sizeof(*b->owners));
    check(b->owners, "no memory");
    for (size_t i = 0; i < b->armed + b->part; i++)
        b->owners[i].timer.fn = owner_due;
}

/* ---- Connections' timers --------------------------------------------------------------------- */

static ptrdiff_t
conn_on_read(struct goevd_conn *c, void *state, const char *data, size_t len, size_t fresh,
             unsigned flags)
{
    (void)c, (void)state, (void)data, (void)fresh, (void)flags;
    return (ptrdiff_t)len;
}

static int
conn_on_timeout(struct goevd_conn *c, void *state, uint64_t cookie)
{
    (void)c, (void)state, (void)cookie;
    bench.expired++;
    return 0;
}

static int
conn_on_open(struct goevd_conn *c, void *state)
{
    (void)state;
    bench.conns[bench.connections++] = (struct conn *)c;
    return 0;
}

static int
conn_arm(struct bench *b, uint64_t i, uint64_t delay_ns)
{
    return conn_timer_arm(b->conns[i % b->connections], i / b->connections, delay_ns, 0);
}

static void
conn_cancel(struct bench *b, uint64_t i)
{
    conn_timer_cancel(b->conns[i % b->connections], i / b->connections);
}

static void
bench_conn(struct bench *b)
{
    static const struct goevd_stream stream = {
        .on_open = conn_on_open, .on_read = conn_on_read, .on_timeout = conn_on_timeout};
    static const struct service_handler handler = {.stream = &stream};
    static const struct conn_limits limits = {.tail_max = 1, .output_high = 1, .output_max = 1};
    const struct sockaddr sa = {.sa_family = AF_UNIX};
    size_t wanted = b->connections;
    struct service *service;
    int fds[2];

    b->arm = conn_arm;
    b->cancel = conn_cancel;
    b->conns = calloc(wanted, sizeof(*b->conns));
    b->connections = 0;
    check(b->conns && net_new(b->poller, 1, NULL) == 0 &&
              service_new(net_of(b->poller), &handler, &transport_plain, &limits, &service) == 0,
          "no memory");
    for (size_t i = 0; i < wanted; i++) {
        check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == 0, "socketpair");
        check(conn_open(service, fds[0], &sa, NULL) == 0, "conn_open");
    }
}

/* ---- Measuring ------------------------------------------------------------------------------- */

static void
arm(struct bench *b, uint64_t i)
{
    if (b->arm(b, i, NS_PER_S + roll(b) % SPAN_NS) < 0)
        check(false, "cannot arm a timer");
}

static uint64_t
cpu_ns(void)
{
    return clock_read_ns(CLOCK_THREAD_CPUTIME_ID);
}

/* Let the first tenth of the span pass at once. */
static void
expire(struct bench *b)
{
    struct timers *timers = &b->poller->timers;

    b->poller->now_ns = clock_now_ns() + NS_PER_S + SPAN_NS / PARTS;
    timers_run(timers, b->poller->now_ns);
    timers->round_ns = 0;
    b->poller->now_ns = clock_now_ns();
}

static void
measure(struct bench *b)
{
    const uint64_t *victims = b->order;
    uint64_t times[5];
    size_t i;

    times[0] = cpu_ns();
    for (i = b->armed; i < b->armed + b->part; i++)
        arm(b, victims[i]);
    times[1] = cpu_ns();
    for (i = 0; i < b->part; i++)
        arm(b, victims[i]);
    times[2] = cpu_ns();
    for (i = b->armed; i < b->armed + b->part; i++)
        b->cancel(b, victims[i]);
    times[3] = cpu_ns();
    b->expired = 0;
    expire(b);
    times[4] = cpu_ns();
    check(b->expired > b->part / 2, "too few came due");
    for (i = 0; i < 3; i++)
        printf("%.1f ", (double)(times[i + 1] - times[i]) / (double)b->part);
    printf("%.1f\n", (double)(times[4] - times[3]) / (double)b->expired);
    for (i = 0; i < b->armed; i++) /* those that came due again, and new times for the others */
        arm(b, victims[i]);
}

static void
run(struct bench *b, long rounds)
{
    b->order = calloc(b->armed + b->part, sizeof(*b->order));
    check(b->order, "no memory");
    for (size_t i = 0; i < b->armed + b->part; i++)
        b->order[i] = i;
    shuffle(b);
    for (size_t i = 0; i < b->armed; i++)
        arm(b, b->order[i]);
    for (long round = 0; round < rounds; round++) {
        check(b->poller->timers.heap.count == b->armed, "not as many are armed as should be");
        measure(b);
    }
}

int
main(int argc, char **argv)
{
    static const struct option options[] = {{"armed", required_argument, NULL, 'a'},
                                            {"connections", required_argument, NULL, 'c'},
                                            {"rounds", required_argument, NULL, 'r'},
                                            {0}};
    static const struct poller_config config = {.read_buffer_bytes = 64,
                                                .write_buffer_bytes = 64,
                                                .events_max = 1,
                                                .buffers_kept_max = 1 << 20};
    long armed = 1000000, connections = 1, rounds = 5, *values[] = {&armed, &connections, &rounds};
    int option, which;

    while ((option = getopt_long(argc, argv, "", options, &which)) != -1) {
        if (option == '?' || (*values[which] = strtol(optarg, NULL, 10)) <= 0)
            return 2;
    }
    bench = (struct bench){.armed = (size_t)armed, .part = (size_t)armed / PARTS, .seed = 1};
    bench.connections = (size_t)connections;
    check(poller_new(&config, &bench.poller, NULL) == 0, "no poller");
    poller_current = bench.poller;
    if (optind + 1 == argc && strcmp(argv[optind], "poller") == 0)
        bench_poller(&bench);
    else if (optind + 1 == argc && strcmp(argv[optind], "conn") == 0)
        bench_conn(&bench);
    else
        return 2;
    run(&bench, rounds);
    return 0;
}
