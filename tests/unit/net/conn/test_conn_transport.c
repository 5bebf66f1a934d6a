#include "unit/net/net_fixture.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fd.h"

/* ---- The handshake --------------------------------------------------------------------------- */

static void
test_conn_handshake_needs_rounds(void **state)
{
    struct seen *s = &seen[0];
    int fd;

    faults.handshakes = 3;
    script.read = script_echo;
    fixture_start(&stream_full, &transport_faulty);
    fd = peer_unix();
    for (int i = 0; i < 3; i++) {
        calm();
        assert_int_equal(seen_count, 0);
        peer_say(fd, "h");
    }
    until(s->opened);
    peer_say(fd, "hello");
    assert_memory_equal(peer_hear(fd, 5), "hello", 5);
    fd_close(fd);
    until(s->closed);
    assert_int_equal(faults.finis, 1);
}

/* The events of the handshake are no longer requested. */
static void
test_conn_handshake_wants_are_lifted_at_its_end(void **state)
{
    int fd;

    faults.handshakes = 2;
    faults.wants = EPOLLOUT;
    fixture_start(&stream_bare, &transport_faulty);
    fd = peer_unix();
    turn(0);
    peer_say(fd, "hh");
    for (int i = 0; i < 5; i++)
        turn(0);
    assert_true(rounds_within(100) <= 5);
    peer_say(fd, "x");
    until(seen_count == 1 && seen[0].count == 1);
    fd_close(fd);
}

static void
test_conn_handshake_that_fails_tells_nobody(void **state)
{
    int fd, hung_up;

    faults.handshakes = 1;
    faults.handshake_error = -EPROTO;
    fixture_start(&stream_full, &transport_faulty);
    fd = peer_unix();
    hung_up = peer_unix();
    peer_say(fd, "h");
    fd_close(hung_up);
    until(net->conns == 0);
    assert_int_equal(seen_count, 0);
    assert_int_equal(faults.finis, 2);
    fd_close(fd);
}

static void
test_conn_stop_during_the_handshake_drops_it(void **state)
{
    int fd;

    faults.handshakes = 1;
    limits.linger_timeout_ns = 0;
    fixture_start(&stream_full, &transport_faulty);
    fd = peer_unix();
    calm();
    net_stop(net, NULL, NULL);
    until(net->conns == 0);
    assert_int_equal(seen_count, 0);
    fd_close(fd);
}

static void
test_conn_idle_during_the_handshake_ends_it(void **state)
{
    int fd;

    faults.handshakes = 1;
    limits.idle_timeout_ns = 60 * NS_PER_MS;
    fixture_start(&stream_full, &transport_faulty);
    fd = peer_unix();
    until(net->conns == 0);
    assert_int_equal(seen_count, 0);
    assert_int_equal(net->metrics->closed[GOEVD_REASON_IDLE], 1);
    fd_close(fd);
}

/* ---- Pending bytes --------------------------------------------------------------------------- */

static void
test_conn_pending_bytes_are_read_without_an_event(void **state)
{
    struct seen *s = &seen[0];
    int fd;

    faults.hoards = true;
    faults.read_max = 10;
    fixture_start(&stream_full, &transport_faulty);
    fd = peer_unix();
    peer_say(fd, "0123456789abcdefghijABCDEFGHIJ-");
    until(s->count == 31);
    assert_int_equal(s->reads, 4);
    fd_close(fd);
}

static void
test_conn_pending_bytes_wait_behind_a_pause(void **state)
{
    struct seen *s = &seen[0];
    int fd;

    faults.hoards = true;
    faults.read_max = 10;
    script.read = script_leave;
    fixture_start(&stream_full, &transport_faulty);
    fd = peer_unix();
    leave.pause = true;
    leave.keep = 4; /* with a tail too */
    peer_say(fd, "0123456789abcdefghijABCDEFGHIJ");
    until(s->reads == 1);
    assert_true(rounds_within(50) <= 4);
    assert_int_equal(s->reads, 1);
    leave = (struct leave){0};
    conn_resume(s->c);
    until(s->count == 30);
    assert_string_equal(s->bytes, "0123456789abcdefghijABCDEFGHIJ");
    fd_close(fd);
}

/* ---- Echo under faults ----------------------------------------------------------------------- */

#define ECHO_BYTES 600

/* Send, shut down and receive all bytes back; true if every byte came. */
static bool
echo_once(int fd)
{
    static char sent[ECHO_BYTES], heard[ECHO_BYTES];
    ssize_t n;

    pattern_fill(sent, sizeof(sent));
    for (size_t off = 0; off < sizeof(sent); off += sizeof(sent) / 2) {
        send(fd, sent + off, sizeof(sent) / 2, MSG_NOSIGNAL); /* it may have closed */
        calm();
    }
    shutdown(fd, SHUT_WR);
    n = peer_drain(fd, heard, sizeof(heard));
    assert_true(n < 0 || (n <= ECHO_BYTES && pattern_is(heard, (size_t)n))); /* no byte wrong */
    fd_close(fd);
    until(net->conns == 0);
    return n == ECHO_BYTES;
}

static int
setup_echo(void **state)
{
    fixture_setup(state);
    script.read = script_echo;
    fixture_start(&stream_bare, &transport_faulty);
    return 0;
}

static void
test_conn_echo_with_reads_cut(void **state)
{
    for (faults.read_max = 1; faults.read_max < 20; faults.read_max++)
        assert_true(echo_once(peer_unix()));
}

static void
test_conn_echo_with_writes_cut(void **state)
{
    for (faults.write_max = 1; faults.write_max < 20; faults.write_max++)
        assert_true(echo_once(peer_unix()));
}

static void
test_conn_echo_with_all_cut_hoarded_and_put_off(void **state)
{
    faults.hoards = true;
    for (size_t n = 1; n < 40; n += 3)
        for (faults.again_every = 2; faults.again_every < 6; faults.again_every++) {
            faults.read_max = n;
            faults.write_max = 41 - n;
            assert_true(echo_once(n % 2 ? peer_unix() : peer_tcp()));
        }
}

/* Each call fails once: the connection ends with one on_close, and no byte is wrong. */
static void
test_conn_echo_with_an_error_at_each_call(void **state)
{
    static const int errors[] = {-ECONNRESET, -EIO};

    faults.read_max = 100;
    faults.write_max = 70;
    for (size_t e = 0; e < ARRAY_LEN(errors); e++) {
        unsigned failed = 0;

        do {
            faults.calls = 0;
            faults.fail_error = errors[e];
            faults.fail_call = ++failed;
            echo_once(peer_unix());
            assert_int_equal(seen[seen_count - 1].closed, 1);
            if (faults.calls >= failed && faults.shutdowns == 0)
                assert_int_equal(seen[seen_count - 1].reason,
                                 e ? GOEVD_REASON_ERROR : GOEVD_REASON_RESET);
        } while (faults.calls >= failed);
        assert_true(failed > 12);
    }
}

#define ECHO_TEST(name) cmocka_unit_test_setup_teardown(name, setup_echo, fixture_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        NET_TEST(test_conn_handshake_needs_rounds),
        NET_TEST(test_conn_handshake_wants_are_lifted_at_its_end),
        NET_TEST(test_conn_handshake_that_fails_tells_nobody),
        NET_TEST(test_conn_stop_during_the_handshake_drops_it),
        NET_TEST(test_conn_idle_during_the_handshake_ends_it),
        NET_TEST(test_conn_pending_bytes_are_read_without_an_event),
        NET_TEST(test_conn_pending_bytes_wait_behind_a_pause),
        ECHO_TEST(test_conn_echo_with_reads_cut),
        ECHO_TEST(test_conn_echo_with_writes_cut),
        ECHO_TEST(test_conn_echo_with_all_cut_hoarded_and_put_off),
        ECHO_TEST(test_conn_echo_with_an_error_at_each_call),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
