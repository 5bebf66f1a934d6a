#include "unit/net/net_fixture.h"

#include <errno.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "base/fd.h"

static uint64_t begin;

static int
setup(void **state)
{
    fixture_setup(state);
    script.read = script_echo;
    begin = clock_now_ns();
    return 0;
}

static uint64_t
passed_ms(void)
{
    return (clock_now_ns() - begin) / NS_PER_MS;
}

/* ---- A handler's timers ---------------------------------------------------------------------- */

static uint64_t cookies[16];
static unsigned cookie_count;

static int
note_cookie(struct seen *s, uint64_t cookie)
{
    cookies[cookie_count++ % ARRAY_LEN(cookies)] = cookie;
    return 0;
}

static void
test_conn_timers_tell_their_cookies_in_order(void **state)
{
    int fd;

    cookie_count = 0;
    script.timeout = note_cookie;
    fixture_start(&stream_full, &transport_plain);
    fd = peer_unix();
    assert_int_equal(conn_timer_arm(seen[0].c, 3, 30 * NS_PER_MS, 0), 0);
    assert_int_equal(conn_timer_arm(seen[0].c, 1, 10 * NS_PER_MS, 0), 0);
    assert_int_equal(conn_timer_arm(seen[0].c, 2, 1 * NS_PER_MS, 0), 0);
    assert_int_equal(conn_timer_arm(seen[0].c, 4, 5 * NS_PER_MS, 0), 0);
    assert_int_equal(conn_timer_arm(seen[0].c, 2, 20 * NS_PER_MS, 0), 0); /* moved */
    conn_timer_cancel(seen[0].c, 4);
    until(cookie_count == 3);
    assert_true(passed_ms() >= 30);
    assert_int_equal(cookies[0], 1);
    assert_int_equal(cookies[1], 2);
    assert_int_equal(cookies[2], 3);
    assert_null(seen[0].c->timers);
    rounds_within(30);
    assert_int_equal(cookie_count, 3);
    fd_close(fd);
}

static int
cancel_at_three(struct seen *s, uint64_t cookie)
{
    if (s->timeouts == 3)
        conn_timer_cancel(s->c, cookie);
    return 0;
}

static void
test_conn_timer_with_a_period_goes_on_until_cancelled(void **state)
{
    int fd;

    script.timeout = cancel_at_three;
    fixture_start(&stream_full, &transport_plain);
    fd = peer_unix();
    conn_timer_arm(seen[0].c, 9, 10 * NS_PER_MS, 5 * NS_PER_MS);
    until(seen[0].timeouts == 3);
    assert_true(passed_ms() >= 20);
    rounds_within(40);
    assert_int_equal(seen[0].timeouts, 3);
    fd_close(fd);
}

static int
close_in_timer(struct seen *s, uint64_t cookie)
{
    return -1;
}

/* Several are due in one round, and the first closes. */
static void
test_conn_close_cancels_all_timers(void **state)
{
    int fd;

    limits.linger_timeout_ns = 0;
    script.timeout = close_in_timer;
    fixture_start(&stream_full, &transport_plain);
    fd = peer_unix();
    for (uint64_t cookie = 0; cookie < 5; cookie++)
        conn_timer_arm(seen[0].c, cookie, 1 * NS_PER_MS, 1);
    until(seen[0].closed);
    assert_int_equal(seen[0].timeouts, 1);
    assert_int_equal(poller->timers.heap.count, 0);
    fd_close(fd);
}

/* ---- The deadline ---------------------------------------------------------------------------- */

static void
test_conn_deadline_comes_once(void **state)
{
    int fd;

    fixture_start(&stream_full, &transport_plain);
    fd = peer_unix();
    conn_deadline(seen[0].c, 60 * NS_PER_MS);
    until(seen[0].timeouts == 1);
    assert_true(passed_ms() >= 45); /* reckoned from the clock that lags */
    assert_true(seen[0].cookie == GOEVD_DEADLINE);
    rounds_within(100);
    assert_int_equal(seen[0].timeouts, 1);
    fd_close(fd);
}

static void
test_conn_deadline_too_long_to_be_counted_never_comes(void **state)
{
    int fd;

    fixture_start(&stream_full, &transport_plain);
    fd = peer_unix();
    until(seen[0].opened == 1);
    conn_deadline(seen[0].c, UINT64_MAX);
    assert_int_equal(conn_timer_arm(seen[0].c, 7, UINT64_MAX, UINT64_MAX), 0);
    rounds_within(30);
    assert_int_equal(seen[0].timeouts, 0);
    fd_close(fd);
}

static void
test_conn_deadline_is_put_off_and_lifted(void **state)
{
    int fd;

    fixture_start(&stream_full, &transport_plain);
    fd = peer_unix();
    conn_deadline(seen[0].c, 60 * NS_PER_MS);
    rounds_within(30);
    conn_deadline(seen[0].c, 150 * NS_PER_MS);
    until(seen[0].timeouts == 1);
    assert_true(passed_ms() >= 165);
    conn_deadline(seen[0].c, 30 * NS_PER_MS);
    conn_deadline(seen[0].c, 0);
    rounds_within(100);
    assert_int_equal(seen[0].timeouts, 1);
    conn_deadline(seen[0].c, 20 * NS_PER_MS); /* nearer than the heap's first timer */
    until(seen[0].timeouts == 2);
    fd_close(fd);
}

static ptrdiff_t
echo_with_deadline(struct seen *s, const char *data, size_t len)
{
    conn_deadline(s->c, 10 * NS_PER_S);
    return script_echo(s, data, len);
}

/* A request moves the deadline by a store: the heap knows the earliest and looks then. */
static void
test_conn_deadline_for_each_request_leaves_the_heap_alone(void **state)
{
    uint64_t due;
    int fd;

    limits.idle_timeout_ns = 20 * NS_PER_S;
    script.read = echo_with_deadline;
    fixture_start(&stream_full, &transport_plain);
    fd = peer_unix();
    peer_say(fd, "x");
    peer_hear(fd, 1);
    due = timer_due_ns(&poller->timers, &seen[0].c->timer);
    for (int i = 0; i < 20; i++) {
        peer_say(fd, "x");
        peer_hear(fd, 1);
        turn(2);
        assert_true(timer_due_ns(&poller->timers, &seen[0].c->timer) == due);
    }
    fd_close(fd);
}

/* ---- Idle ------------------------------------------------------------------------------------ */

static void
test_conn_idle_closes(void **state)
{
    int fd;

    limits.idle_timeout_ns = 100 * NS_PER_MS;
    fixture_start(&stream_full, &transport_plain);
    fd = peer_tcp();
    until(seen[0].closed);
    assert_true(passed_ms() >= 90);
    assert_int_equal(seen[0].reason, GOEVD_REASON_IDLE);
    assert_true(peer_ended(fd));
    fd_close(fd);
}

static void
test_conn_idle_is_put_off_by_bytes(void **state)
{
    uint64_t last = 0;
    int fd;

    limits.idle_timeout_ns = 300 * NS_PER_MS;
    fixture_start(&stream_full, &transport_plain);
    fd = peer_tcp();
    for (int i = 0; i < 10 && !seen[0].closed; i++) {
        peer_say(fd, "x");
        peer_hear(fd, 1);
        last = passed_ms();
        rounds_within(40);
    }
    until(seen[0].closed);
    assert_true(passed_ms() - last >= 285);
    assert_int_equal(seen[0].reason, GOEVD_REASON_IDLE);
    fd_close(fd);
}

#define DAY_NS (UINT64_C(86400) * NS_PER_S)

/* The clock that is kept for each connection fits 32 bits. */
static void
test_conn_idle_for_a_year(void **state)
{
    int fd;

    limits.idle_timeout_ns = 365 * DAY_NS;
    fixture_start(&stream_full, &transport_plain);
    fd = peer_tcp();
    until(seen[0].opened == 1);
    for (int days = 0; days < 365; days++) {
        conn_timer_due(&seen[0].c->timer, poller->now_ns);
        assert_false(seen[0].closed);
        poller->now_ns += DAY_NS;
    }
    poller->now_ns += NS_PER_S;
    conn_timer_due(&seen[0].c->timer, poller->now_ns);
    assert_true(seen[0].closed);
    assert_int_equal(seen[0].reason, GOEVD_REASON_IDLE);
    fd_close(fd);
}

static void
test_conn_idle_zero_is_never(void **state)
{
    int fd;

    limits.idle_timeout_ns = 0;
    fixture_start(&stream_full, &transport_plain);
    fd = peer_tcp();
    assert_int_equal(poller->timers.heap.count, 0);
    rounds_within(50);
    assert_int_equal(seen[0].closed, 0);
    fd_close(fd);
}

/* ---- Stopping -------------------------------------------------------------------------------- */

static unsigned empties;

static void
on_empty(void *arg)
{
    assert_ptr_equal(arg, &empties);
    empties++;
}

static void
test_net_stop_without_connections_is_empty_at_once(void **state)
{
    empties = 0;
    fixture_start(&stream_full, &transport_plain);
    net_stop(net, on_empty, &empties);
    assert_int_equal(empties, 1);
    calm();
    assert_int_equal(empties, 1);
}

static void
test_net_stop_tells_each_once_and_then_that_none_is_left(void **state)
{
    int fds[20];

    empties = 0;
    fixture_start(&stream_full, &transport_plain);
    for (int i = 0; i < 20; i++)
        fds[i] = peer_unix();
    script.stop = script_go_on; /* the handlers close when they like */
    net_stop(net, on_empty, &empties);
    calm();
    fds[0] = fd_close(fds[0]);
    calm();
    for (int i = 0; i < 20; i++)
        assert_int_equal(seen[i].stops, 1);
    assert_int_equal(net->conns, 19);
    peer_say(fds[1], "x"); /* they are still served */
    peer_hear(fds[1], 1);
    for (int i = 1; i < 20; i++) {
        assert_int_equal(empties, 0);
        fd_close(fds[i]);
        until(seen[i].closed);
    }
    assert_int_equal(empties, 1);
}

/* A stop gives work to all of a million connections: other work has its turn between. */
static void
test_net_stop_of_many_takes_several_rounds(void **state)
{
    struct rlimit limit;
    int fds[1500], rounds = 0;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    empties = 0;
    limits.linger_timeout_ns = 0;
    fixture_start(&stream_bare, &transport_plain);
    for (size_t i = 0; i < ARRAY_LEN(fds); i++)
        fds[i] = peer_unix();
    net_stop(net, on_empty, &empties);
    for (; empties == 0 && rounds < 100; rounds++)
        assert_int_equal(poller_round(poller, 0), 0);
    assert_in_range(rounds, 2, 99);
    assert_int_equal(net->metrics->closed[GOEVD_REASON_STOP], ARRAY_LEN(fds));
    for (size_t i = 0; i < ARRAY_LEN(fds); i++)
        fd_close(fds[i]);
}

static void
test_net_stop_tells_those_that_open_later(void **state)
{
    int fd, early;

    empties = 0;
    limits.linger_timeout_ns = 0;
    fixture_start(&stream_bare, &transport_plain);
    early = peer_unix();
    script.stop = script_go_on;
    net_stop(net, on_empty, &empties);
    fd = peer_unix();
    calm(); /* without on_stop: flushed and closed */
    assert_int_equal(net->conns, 0);
    assert_int_equal(net->metrics->closed[GOEVD_REASON_STOP], 2);
    assert_int_equal(empties, 1);
    fd_close(fd);
    fd_close(early);
}

static void
test_net_close_all_leaves_none(void **state)
{
    int fds[50];

    fixture_start(&stream_full, &transport_plain);
    for (int i = 0; i < 50; i++) {
        fds[i] = peer_unix();
        if (i % 2)
            conn_pause(seen[i].c); /* on the list of work */
    }
    net_close_all(net);
    assert_int_equal(net->conns, 0);
    for (int i = 0; i < 50; i++) {
        assert_int_equal(seen[i].closed, 1);
        assert_int_equal(seen[i].reason, GOEVD_REASON_STOP);
        fd_close(fds[i]);
    }
}

#define TIMER_TEST(name) cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TIMER_TEST(test_conn_timers_tell_their_cookies_in_order),
        TIMER_TEST(test_conn_timer_with_a_period_goes_on_until_cancelled),
        TIMER_TEST(test_conn_close_cancels_all_timers),
        TIMER_TEST(test_conn_deadline_comes_once),
        TIMER_TEST(test_conn_deadline_too_long_to_be_counted_never_comes),
        TIMER_TEST(test_conn_deadline_is_put_off_and_lifted),
        TIMER_TEST(test_conn_deadline_for_each_request_leaves_the_heap_alone),
        TIMER_TEST(test_conn_idle_closes),
        TIMER_TEST(test_conn_idle_is_put_off_by_bytes),
        TIMER_TEST(test_conn_idle_for_a_year),
        TIMER_TEST(test_conn_idle_zero_is_never),
        TIMER_TEST(test_net_stop_without_connections_is_empty_at_once),
        TIMER_TEST(test_net_stop_tells_each_once_and_then_that_none_is_left),
        TIMER_TEST(test_net_stop_of_many_takes_several_rounds),
        TIMER_TEST(test_net_stop_tells_those_that_open_later),
        TIMER_TEST(test_net_close_all_leaves_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
