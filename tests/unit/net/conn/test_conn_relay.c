/* Functions for a relay: bytes that go to the socket at once, and reading that does not depend on
 * writing. */
#include "unit/net/net_fixture.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fd.h"

static struct goevd_stream stream_duplex;
static char bytes[40000];
static size_t total;    /* bytes that a callback writes, */
static int result;      /* results of the writes, */
static unsigned writes; /* and how many calls the transport had seen when that returned */

static int
setup(void **state)
{
    fixture_setup(state);
    stream_duplex = stream_full;
    stream_duplex.flags = GOEVD_STREAM_DUPLEX;
    pattern_fill(bytes, sizeof(bytes));
    return 0;
}

static void
write_now(struct seen *s)
{
    result = conn_write_now(s->c, bytes, total);
    writes = faults.writes;
}

static ptrdiff_t
write_to_the_other(struct seen *s, const char *data, size_t len)
{
    write_now(&seen[s == &seen[0]]);
    return (ptrdiff_t)len;
}

/* ---- At once --------------------------------------------------------------------------------- */

static void
test_conn_write_now_leaves_before_it_returns(void **state)
{
    int a, b;

    script.read = write_to_the_other;
    fixture_start(&stream_full, &transport_faulty);
    a = peer_unix();
    b = peer_unix();
    total = 9000; /* more than the buffer of one callback, and than the high mark */
    peer_say(a, "go");
    assert_true(pattern_is(peer_hear(b, total), total));
    assert_int_equal(result, 0);
    assert_int_equal(writes, 1);
    assert_int_equal(seen[1].drained, 0);
    assert_int_equal(seen[1].c->bytes_out, 9000);
    fd_close(a);
    fd_close(b);
}

static ptrdiff_t
write_both_ways(struct seen *s, const char *data, size_t len)
{
    assert_int_equal(conn_write(s->c, "one ", 4), 0);
    assert_int_equal(conn_write_now(s->c, "two ", 4), 0);
    assert_int_equal(conn_write_now(s->c, "", 0), 0);
    assert_int_equal(conn_write(s->c, "three", 5), 0);
    return (ptrdiff_t)len;
}

static void
test_conn_write_now_keeps_the_order_of_a_callback(void **state)
{
    int fd;

    script.read = write_both_ways;
    fixture_start(&stream_full, &transport_faulty);
    fd = peer_unix();
    peer_say(fd, "go");
    assert_memory_equal(peer_hear(fd, 13), "one two three", 13);
    assert_int_equal(faults.writes, 3);
    fd_close(fd);
}

static void
test_conn_write_now_queues_what_the_socket_does_not_take(void **state)
{
    int a, b;

    script.read = write_to_the_other;
    fixture_start(&stream_full, &transport_faulty);
    a = peer_unix();
    b = peer_unix();
    total = 9000;
    faults.write_max = 4000;
    peer_say(a, "go");
    until(seen[0].reads == 1);
    assert_int_equal(result, 1);
    assert_int_equal(conn_queued(seen[1].c), 5000);
    write_now(&seen[1]); /* behind it */
    assert_int_equal(result, 1);
    assert_int_equal(conn_queued(seen[1].c), 14000);
    assert_int_equal(seen[1].drained, 0);
    assert_true(pattern_is(peer_hear(b, 18000), 9000));
    until(seen[1].drained == 1);
    assert_null(seen[1].c->outq);
    fd_close(a);
    fd_close(b);
}

/* The writer of even a few bytes is notified when the socket takes more. */
static void
test_conn_write_now_owes_drained_below_the_marks(void **state)
{
    int fd;

    fixture_start(&stream_full, &transport_faulty);
    fd = peer_unix();
    total = 10;
    faults.write_max = 9;
    write_now(&seen[0]);
    assert_int_equal(result, 1);
    assert_int_equal(conn_queued(seen[0].c), 1);
    until(seen[0].drained == 1);
    assert_true(pattern_is(peer_hear(fd, 10), 10));
    fd_close(fd);
}

/* ---- Refusals -------------------------------------------------------------------------------- */

static void
test_conn_write_now_keeps_to_the_cap(void **state)
{
    struct conn *c;
    int fd;

    limits.output_max = 9000;
    fixture_start(&stream_full, &transport_faulty);
    fd = peer_unix();
    c = seen[0].c;
    assert_int_equal(conn_write_now(c, bytes, 9001), -EMSGSIZE);
    assert_int_equal(faults.writes, 0);
    faults.write_max = 1;
    assert_int_equal(conn_write_now(c, bytes, 9000), 1);
    assert_int_equal(conn_write_now(c, bytes, 2), -ENOBUFS);
    assert_int_equal(conn_queued(c), 8999);
    assert_int_equal(conn_write_now(c, bytes, 1), 1);
    faults.write_max = 0;
    assert_true(pattern_is(peer_hear(fd, 9001), 9000));
    fd_close(fd);
}

static void
test_conn_write_now_after_the_end_is_refused(void **state)
{
    int fd;

    fixture_start(&stream_full, &transport_faulty);
    fd = peer_unix();
    assert_int_equal(conn_shutdown(seen[0].c), 0);
    assert_int_equal(conn_write_now(seen[0].c, "x", 1), -EPIPE);
    assert_int_equal(faults.writes, 0);
    fd_close(fd);
}

static void
test_conn_write_now_tells_a_reset(void **state)
{
    int a, b;

    script.read = write_to_the_other;
    fixture_start(&stream_full, &transport_faulty);
    a = peer_unix();
    b = peer_unix();
    total = 10;
    faults.fail_call = faults.calls + 2; /* after the read */
    faults.fail_error = -ECONNRESET;
    peer_say(a, "go");
    until(seen[1].closed);
    assert_int_equal(result, -EPIPE);
    assert_int_equal(seen[1].reason, GOEVD_REASON_RESET);
    assert_int_equal(seen[0].closed, 0);
    fd_close(a);
    fd_close(b);
}

/* ---- Duplex ---------------------------------------------------------------------------------- */

static ptrdiff_t
write_much_once(struct seen *s, const char *data, size_t len)
{
    if (s->reads == 1)
        result = conn_write(s->c, bytes, 20000);
    return (ptrdiff_t)len;
}

static void
test_conn_duplex_reads_though_output_waits(void **state)
{
    int fd;

    script.read = write_much_once;
    script.eof = script_go_on;
    faults.write_max = 1000;
    fixture_start(&stream_duplex, &transport_faulty);
    fd = peer_unix();
    peer_say(fd, "go");
    until(seen[0].reads == 1);
    assert_int_equal(result, 1);
    faults.write_max = 1; /* it never drains */
    peer_say(fd, "on");
    until(seen[0].reads == 2);
    assert_true(conn_queued(seen[0].c) > limits.output_high);
    shutdown(fd, SHUT_WR);
    until(seen[0].eofs == 1);
    assert_true(conn_queued(seen[0].c) > limits.output_high);
    assert_int_equal(seen[0].drained, 0);
    faults.write_max = 0;
    assert_true(pattern_is(peer_hear(fd, 20000), 20000));
    until(seen[0].drained == 1);
    fd_close(fd);
}

/* A pause is one all the same. */
static void
test_conn_duplex_keeps_what_is_not_consumed(void **state)
{
    int fd;

    script.read = script_leave;
    leave.keep = 3;
    leave.pause = true;
    faults.write_max = 1;
    fixture_start(&stream_duplex, &transport_faulty);
    fd = peer_unix();
    assert_int_equal(conn_write(seen[0].c, bytes, 20000), 1);
    peer_say(fd, "abcdef");
    until(seen[0].reads == 1);
    calm();
    assert_int_equal(seen[0].reads, 1);
    leave.keep = 0;
    conn_resume(seen[0].c);
    until(seen[0].reads == 2);
    assert_memory_equal(seen[0].bytes, "abcdef", 7);
    fd_close(fd);
}

#define RELAY_TEST(name) cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        RELAY_TEST(test_conn_write_now_leaves_before_it_returns),
        RELAY_TEST(test_conn_write_now_keeps_the_order_of_a_callback),
        RELAY_TEST(test_conn_write_now_queues_what_the_socket_does_not_take),
        RELAY_TEST(test_conn_write_now_owes_drained_below_the_marks),
        RELAY_TEST(test_conn_write_now_keeps_to_the_cap),
        RELAY_TEST(test_conn_write_now_after_the_end_is_refused),
        RELAY_TEST(test_conn_write_now_tells_a_reset),
        RELAY_TEST(test_conn_duplex_reads_though_output_waits),
        RELAY_TEST(test_conn_duplex_keeps_what_is_not_consumed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
