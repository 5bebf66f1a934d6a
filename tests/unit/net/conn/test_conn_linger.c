#include "unit/net/net_fixture.h"

#include <string.h>
#include <sys/socket.h>

#include "base/fd.h"

/* ---- Flushing and lingering ------------------------------------------------------------------ */

static char reply[1000000];

static int
setup_reply(void **state)
{
    fixture_setup(state);
    limits.output_high = limits.output_max = sizeof(reply);
    pattern_fill(reply, sizeof(reply));
    return 0;
}

static unsigned close_flags;

static ptrdiff_t
reply_and_close(struct seen *s, const char *data, size_t len)
{
    assert_int_equal(conn_write(s->c, reply, sizeof(reply)), 0);
    conn_close(s->c, close_flags, GOEVD_REASON_HANDLER);
    return 0;
}

static void
test_conn_close_flushes_what_is_queued(void **state)
{
    static char heard[sizeof(reply)];
    int fd;

    close_flags = GOEVD_CLOSE_FLUSH;
    script.read = reply_and_close;
    fixture_start(&stream_full, &transport_plain);
    fd = peer_unix();
    peer_say(fd, "go");
    calm();
    assert_int_equal(seen[0].closed, 0); /* it waits for the socket */
    assert_int_equal(peer_drain(fd, heard, sizeof(heard)), sizeof(heard));
    assert_true(pattern_is(heard, sizeof(heard)));
    fd_close(fd);
    until(seen[0].closed);
    assert_int_equal(seen[0].reason, GOEVD_REASON_HANDLER);
}

/* The peer is still sending when the reply and the close come: it reads all of the reply. */
static void
test_conn_lingers_so_that_no_reply_is_lost_to_a_reset(void **state)
{
    static char heard[sizeof(reply)], request[100000];
    int fd;

    close_flags = GOEVD_CLOSE_FLUSH;
    script.read = reply_and_close;
    fixture_start(&stream_full, &transport_plain);
    for (int i = 0; i < 5; i++) {
        fd = peer_tcp();
        peer_send(fd, request, sizeof(request));
        until(seen[i].reads);
        send(fd, request, sizeof(request), MSG_NOSIGNAL);
        calm();
        send(fd, request, sizeof(request), MSG_NOSIGNAL);
        assert_int_equal(peer_drain(fd, heard, sizeof(heard)), sizeof(heard));
        assert_true(pattern_is(heard, sizeof(heard)));
        assert_int_equal(seen[i].closed, 0); /* until the peer's end */
        fd_close(fd);
        until(seen[i].closed);
    }
}

static void
test_conn_lingers_no_longer_than_its_time_out(void **state)
{
    uint64_t begin;
    int fd;

    limits.linger_timeout_ns = 100 * NS_PER_MS;
    fixture_start(&stream_full, &transport_plain);
    fd = peer_tcp();
    begin = clock_now_ns();
    conn_close(seen[0].c, GOEVD_CLOSE_FLUSH, GOEVD_REASON_HANDLER);
    until(peer_ended(fd));
    assert_true(rounds_within(50) <= 4);
    until(seen[0].closed);
    assert_true(clock_now_ns() - begin >= 80 * NS_PER_MS);
    fd_close(fd);
}

/* A peer that takes some of the kernel's bytes in each linger_timeout gets all of it. */
static void
test_conn_lingers_as_long_as_the_peer_takes_output(void **state)
{
    const int room = 1 << 20;
    static char bytes[16384];
    size_t taken = 0;
    uint64_t begin;
    ssize_t n;
    int fd;

    limits.linger_timeout_ns = limits.linger_max_ns = 200 * NS_PER_MS;
    fixture_start(&stream_full, &transport_plain);
    fd = peer_tcp();
    until(seen[0].c);
    conn_setsockopt(seen[0].c, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
    assert_int_equal(conn_write(seen[0].c, reply, 250000), 0);
    conn_close(seen[0].c, GOEVD_CLOSE_FLUSH, GOEVD_REASON_HANDLER);
    until(seen[0].c->flags & CONN_LINGERING);
    begin = clock_now_ns();
    do {
        uint64_t next = clock_now_ns() + 15 * NS_PER_MS;

        while (clock_now_ns() < next)
            turn(1);
        assert_int_equal(seen[0].closed, 0);
        n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
        taken += n > 0 ? (size_t)n : 0;
    } while (taken < 250000);
    assert_true(clock_now_ns() - begin > limits.linger_timeout_ns);
    fd_close(fd);
    until(seen[0].closed);
}

/* A peer that sends for ever holds its connection for linger_max, and longer than linger_timeout.
 */
static void
test_conn_lingers_no_longer_than_its_maximum(void **state)
{
    uint64_t begin;
    int fd;

    limits.linger_timeout_ns = 100 * NS_PER_MS;
    limits.linger_max_ns = 400 * NS_PER_MS;
    fixture_start(&stream_full, &transport_plain);
    fd = peer_tcp();
    begin = clock_now_ns();
    conn_close(seen[0].c, GOEVD_CLOSE_FLUSH, GOEVD_REASON_HANDLER);
    while (seen[0].closed == 0) {
        send(fd, "more", 4, MSG_NOSIGNAL | MSG_DONTWAIT);
        turn(1);
    }
    assert_true(clock_now_ns() - begin >= 350 * NS_PER_MS);
    fd_close(fd);
}

/* ... but a peer that sends less than output_rate gains nothing. */
static void
test_conn_lingers_no_longer_for_a_byte_now_and_then(void **state)
{
    int fd;

    limits.linger_timeout_ns = 100 * NS_PER_MS;
    limits.linger_max_ns = 3600 * NS_PER_S;
    limits.output_rate = 1000000;
    fixture_start(&stream_full, &transport_plain);
    fd = peer_tcp();
    conn_close(seen[0].c, GOEVD_CLOSE_FLUSH, GOEVD_REASON_HANDLER);
    while (seen[0].closed == 0) {
        send(fd, "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
        turn(5);
    }
    fd_close(fd);
}

/* With output_rate a peer that takes less ends, and one that takes the rest is given its time. */
static void
test_conn_lingers_only_for_peers_that_keep_the_rate(void **state)
{
    int fd;

    limits.linger_timeout_ns = 100 * NS_PER_MS;
    limits.output_rate = 1000000;
    fixture_start(&stream_full, &transport_plain);
    fd = peer_unix();
    until(seen[0].c);
    assert_int_equal(conn_write(seen[0].c, reply, 65536), 0);
    conn_close(seen[0].c, GOEVD_CLOSE_FLUSH, GOEVD_REASON_HANDLER);
    while (seen[0].closed == 0) {
        char byte;

        recv(fd, &byte, 1, MSG_DONTWAIT);
        turn(10);
    }
    fd_close(fd);
}

static void
test_conn_close_done_does_not_linger(void **state)
{
    int fd;

    close_flags = GOEVD_CLOSE_DONE;
    script.read = NULL;
    fixture_start(&stream_full, &transport_plain);
    fd = peer_tcp();
    peer_say(fd, "all");
    until(seen[0].count == 3);
    conn_close(seen[0].c, GOEVD_CLOSE_DONE, GOEVD_REASON_HANDLER);
    calm();
    assert_int_equal(seen[0].closed, 1);
    assert_true(peer_ended(fd));
    fd_close(fd);
}

/* ... unless the last read shows that there may be more. */
static void
test_conn_close_done_lingers_behind_unread_bytes(void **state)
{
    static char request[5000];
    int fd;

    close_flags = GOEVD_CLOSE_DONE;
    script.read = reply_and_close;
    fixture_start(&stream_full, &transport_plain);
    fd = peer_tcp();
    peer_send(fd, request, sizeof(request));
    assert_int_equal(peer_drain(fd, NULL, 0), sizeof(reply)); /* no reset */
    assert_int_equal(seen[0].closed, 0);
    fd_close(fd);
    until(seen[0].closed);
}

static void
test_conn_close_now_drops_what_is_queued(void **state)
{
    int fd;

    close_flags = GOEVD_CLOSE_NOW;
    script.read = reply_and_close;
    fixture_start(&stream_full, &transport_plain);
    fd = peer_unix();
    peer_say(fd, "go");
    until(seen[0].closed);
    assert_true(peer_drain(fd, NULL, 0) <= 0);
    fd_close(fd);
}

static void
test_conn_close_now_hastens_an_earlier_close(void **state)
{
    int fd;

    close_flags = GOEVD_CLOSE_FLUSH;
    script.read = reply_and_close;
    fixture_start(&stream_full, &transport_plain);
    fd = peer_unix();
    peer_say(fd, "go");
    calm();
    assert_int_equal(seen[0].closed, 0);
    conn_close(seen[0].c, GOEVD_CLOSE_NOW, GOEVD_REASON_IDLE);
    calm();
    assert_int_equal(seen[0].closed, 1);
    assert_int_equal(seen[0].reason, GOEVD_REASON_HANDLER);
    fd_close(fd);
}

static void
test_conn_close_timeout_ends_a_flush_that_nobody_reads(void **state)
{
    uint64_t begin;
    int fd;

    limits.close_timeout_ns = 100 * NS_PER_MS;
    close_flags = GOEVD_CLOSE_FLUSH;
    script.read = reply_and_close;
    fixture_start(&stream_full, &transport_plain);
    fd = peer_unix();
    begin = clock_now_ns();
    peer_say(fd, "go");
    until(seen[0].closed);
    assert_true(clock_now_ns() - begin >= 80 * NS_PER_MS);
    fd_close(fd);
}

/* It takes a little in each close_timeout, and far longer than one for all of it. */
static void
test_conn_close_timeout_moves_with_what_the_peer_takes(void **state)
{
    static char bytes[8192];
    size_t taken = 0;
    uint64_t begin;
    ssize_t n;
    int fd;

    limits.close_timeout_ns = 100 * NS_PER_MS;
    close_flags = GOEVD_CLOSE_FLUSH;
    script.read = reply_and_close;
    fixture_start(&stream_full, &transport_plain);
    fd = peer_unix();
    begin = clock_now_ns();
    peer_say(fd, "go");
    until(seen[0].c->outq != NULL);
    while (clock_now_ns() - begin < 400 * NS_PER_MS) {
        bool due = taken < (clock_now_ns() - begin) / 1000; /* 1 MB a second */

        n = due ? recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT) : 0;
        taken += n > 0 ? (size_t)n : 0;
        turn(1);
        assert_int_equal(seen[0].closed, 0);
    }
    assert_int_equal(taken + (size_t)peer_drain(fd, NULL, 0), sizeof(reply));
    fd_close(fd);
    until(seen[0].closed);
}

static void
test_conn_peer_that_resets_during_the_flush_ends_it(void **state)
{
    int fd;

    close_flags = GOEVD_CLOSE_FLUSH;
    script.read = reply_and_close;
    fixture_start(&stream_full, &transport_plain);
    fd = peer_unix();
    peer_say(fd, "go");
    calm();
    fd_close(fd);
    until(seen[0].closed);
    assert_int_equal(seen[0].reason, GOEVD_REASON_HANDLER);
}

#define REPLY_TEST(name) cmocka_unit_test_setup_teardown(name, setup_reply, fixture_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        REPLY_TEST(test_conn_close_flushes_what_is_queued),
        REPLY_TEST(test_conn_lingers_so_that_no_reply_is_lost_to_a_reset),
        REPLY_TEST(test_conn_lingers_no_longer_than_its_time_out),
        REPLY_TEST(test_conn_lingers_as_long_as_the_peer_takes_output),
        REPLY_TEST(test_conn_lingers_no_longer_than_its_maximum),
        REPLY_TEST(test_conn_lingers_no_longer_for_a_byte_now_and_then),
        REPLY_TEST(test_conn_lingers_only_for_peers_that_keep_the_rate),
        REPLY_TEST(test_conn_close_done_does_not_linger),
        REPLY_TEST(test_conn_close_done_lingers_behind_unread_bytes),
        REPLY_TEST(test_conn_close_now_drops_what_is_queued),
        REPLY_TEST(test_conn_close_now_hastens_an_earlier_close),
        REPLY_TEST(test_conn_close_timeout_ends_a_flush_that_nobody_reads),
        REPLY_TEST(test_conn_close_timeout_moves_with_what_the_peer_takes),
        REPLY_TEST(test_conn_peer_that_resets_during_the_flush_ends_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
