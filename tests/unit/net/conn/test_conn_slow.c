/* Connections: peers that take their output too slowly. */
#include "unit/net/net_fixture.h"

#include <stdlib.h>
#include <sys/socket.h>

#include "base/fd.h"

#define PERIOD_NS (100 * NS_PER_MS)
#define LEAST ((size_t)100000) /* to be taken in it */

static char reply[4000000];

static int
setup_reply(void **state)
{
    fixture_setup(state);
    limits.output_high = limits.output_max = sizeof(reply);
    limits.output_rate = LEAST * 10;
    limits.output_timeout_ns = PERIOD_NS;
    return 0;
}

static ptrdiff_t
reply_much(struct seen *s, const char *data, size_t len)
{
    (void)data;
    assert_int_equal(conn_write(s->c, reply, sizeof(reply)), 0);
    return (ptrdiff_t)len;
}

static int
ask(void)
{
    int fd;

    script.read = reply_much;
    fixture_start(&stream_full, &transport_plain);
    fd = peer_unix();
    peer_say(fd, "go");
    until(seen[0].c->outq != NULL);
    return fd;
}

static size_t
take(int fd, size_t len)
{
    static char bytes[65536];
    ssize_t n = recv(fd, bytes, MIN(len, sizeof(bytes)), MSG_DONTWAIT);

    return n > 0 ? (size_t)n : 0;
}

static void
is_slow(void)
{
    until(seen[0].closed);
    assert_int_equal(seen[0].reason, GOEVD_REASON_SLOW);
    assert_int_equal(net->metrics->closed[GOEVD_REASON_SLOW], 1);
}

static void
test_conn_slow_peer_that_takes_nothing_is_closed(void **state)
{
    uint64_t begin = clock_now_ns();
    int fd;

    (void)state;
    fd = ask();
    is_slow();
    assert_true(clock_now_ns() - begin >= PERIOD_NS);
    fd_close(fd);
}

/* It is never idle. */
static void
test_conn_slow_peer_that_takes_too_little_is_closed(void **state)
{
    int fd;

    (void)state;
    fd = ask();
    for (int i = 0; i < 1000 && !seen[0].closed; i++) {
        take(fd, 512);
        rounds_within(5);
    }
    is_slow();
    fd_close(fd);
}

static void
test_conn_slow_peer_that_takes_enough_gets_all(void **state)
{
    size_t taken = 0;
    int fd;

    (void)state;
    fd = ask();
    while (taken < sizeof(reply) && !seen[0].closed) {
        taken += take(fd, 32768);
        rounds_within(2);
    }
    assert_int_equal(taken, sizeof(reply));
    assert_int_equal(seen[0].closed, 0);
    assert_null(seen[0].c->outq);
    rounds_within(2 * PERIOD_NS / NS_PER_MS);
    assert_int_equal(seen[0].closed, 0);
    fd_close(fd);
}

/* Fast at first gives no time later. */
static void
test_conn_slow_peer_saves_up_nothing(void **state)
{
    size_t taken = 0;
    int fd;

    (void)state;
    limits.output_rate = LEAST / 2; /* half the reply would do, saved up */
    fd = ask();
    while (taken < sizeof(reply) / 2) {
        taken += take(fd, 65536);
        turn(1);
    }
    is_slow();
    fd_close(fd);
}

static void
test_conn_slow_zero_is_never(void **state)
{
    int fd;

    (void)state;
    limits.output_rate = 0;
    fd = ask();
    rounds_within(3 * PERIOD_NS / NS_PER_MS);
    assert_int_equal(seen[0].closed, 0);
    assert_int_equal(seen[0].c->outq->watched_ns, 0);
    limits.output_rate = 1;
    limits.output_timeout_ns = NS_PER_S;
    conn_limits_changed(seen[0].c);
    is_slow();
    fd_close(fd);
}

/* The least that is enough, and a byte less. The socket lies at rest: all that it was given counts
 * as taken. */
static void
test_conn_slow_limit_is_exact(void **state)
{
    struct conn *c;
    int fd;

    (void)state;
    fd = ask();
    c = seen[0].c;
    c->outq->watched_at = 0;
    while (take(fd, 65536) > 0)
        ;
    limits.output_timeout_ns = NS_PER_S;
    limits.output_rate = c->bytes_out;
    assert_false(conn_slow_passed(c));
    c->outq->watched_at = 1;
    assert_true(conn_slow_passed(c));
    fd_close(fd);
}

#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown(test_conn_slow_##name, setup_reply, fixture_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(peer_that_takes_nothing_is_closed),
        TEST(peer_that_takes_too_little_is_closed),
        TEST(peer_that_takes_enough_gets_all),
        TEST(peer_saves_up_nothing),
        TEST(zero_is_never),
        TEST(limit_is_exact),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
