#include "unit/net/net_fixture.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fd.h"

static char bytes[40000];
static size_t part, total; /* writes of a callback: total bytes in such parts */
static int results[3];     /* how often a write returned 0, 1, -ENOBUFS */

/* Queue with a patient peer: nothing is read until the test does so. */
static int
setup(void **state)
{
    fixture_setup(state);
    pattern_fill(bytes, sizeof(bytes));
    memset(results, 0, sizeof(results));
    part = 100;
    total = 1000;
    return 0;
}

static void
count_result(int r)
{
    assert_true(r == 0 || r == 1 || r == -ENOBUFS);
    results[r < 0 ? 2 : r]++;
}

static ptrdiff_t
write_parts(struct seen *s, const char *data, size_t len)
{
    for (size_t off = 0; off < total; off += part)
        count_result(conn_write(s->c, bytes + off, MIN(part, total - off)));
    return (ptrdiff_t)len;
}

/* Fill the socket, so that whatever is written from now on is queued. */
static void
fill_socket(struct conn *c)
{
    static char zeros[4096];

    for (int i = 0; i < 10000 && !(c->outq && c->flags & CONN_BLOCKED); i++) {
        conn_write(c, zeros, sizeof(zeros));
        calm();
    }
    assert_non_null(c->outq);
}

/* ---- Gathering ------------------------------------------------------------------------------- */

static void
test_conn_writes_of_a_callback_leave_in_one_call(void **state)
{
    int fd;

    script.read = write_parts;
    fixture_start(&stream_full, &transport_faulty);
    fd = peer_unix();
    peer_say(fd, "go");
    assert_true(pattern_is(peer_hear(fd, 1000), 1000));
    assert_int_equal(faults.writes, 1);
    assert_int_equal(results[0], 10);
    assert_null(seen[0].c->outq);
    fd_close(fd);
}

/* More than the buffer holds moves to the queue, in order, and still leaves in one call. */
static void
test_conn_writes_spill_from_the_buffer_to_the_queue(void **state)
{
    static const size_t parts[] = {100, 1, 4096, 4095, 6000};

    script.read = write_parts;
    fixture_start(&stream_full, &transport_faulty);
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        int fd = peer_unix();

        part = parts[i];
        total = 7000;
        faults.writes = 0;
        peer_say(fd, "go");
        assert_true(pattern_is(peer_hear(fd, total), total));
        assert_int_equal(faults.writes, 1);
        calm();
        assert_null(seen[i].c->outq);
        fd_close(fd);
    }
    assert_int_equal(results[1] + results[2], 0);
}

static ptrdiff_t
reserve_parts(struct seen *s, const char *data, size_t len)
{
    for (size_t off = 0; off < total; off += part) {
        char *room = conn_reserve(s->c, part + 10); /* more than is used */

        assert_non_null(room);
        memcpy(room, bytes + off, part);
        count_result(conn_commit(s->c, part));
    }
    assert_non_null(conn_reserve(s->c, 5)); /* and nothing of it */
    return (ptrdiff_t)len;
}

static void
test_conn_reserve_and_commit(void **state)
{
    static const size_t parts[] = {1, 100, 3000, 7000};

    script.read = reserve_parts;
    fixture_start(&stream_full, &transport_faulty);
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        int fd = peer_unix();

        part = parts[i];
        total = part * (7000 / part);
        peer_say(fd, "go");
        assert_true(pattern_is(peer_hear(fd, total), total));
        calm();
        assert_null(seen[i].c->outq);
        fd_close(fd);
    }
}

static void
test_conn_commit_of_nothing(void **state)
{
    int fd;

    fixture_start(&stream_full, &transport_plain);
    fd = peer_tcp();
    peer_say(fd, "x");
    until(seen_count);
    assert_non_null(conn_reserve(seen[0].c, 100)); /* outside a callback */
    assert_int_equal(conn_commit(seen[0].c, 0), 0);
    assert_int_equal(conn_write(seen[0].c, "", 0), 0);
    calm();
    assert_null(seen[0].c->outq);
    conn_write(seen[0].c, "y", 1);
    assert_int_equal(peer_hear(fd, 1)[0], 'y');
    fd_close(fd);
}

static void
test_conn_partial_writes_keep_the_order(void **state)
{
    int fd;

    script.read = write_parts;
    total = 7000;
    fixture_start(&stream_full, &transport_faulty);
    for (faults.write_max = 1; faults.write_max < 8000; faults.write_max *= 3) {
        fd = peer_unix();
        peer_say(fd, "go");
        assert_true(pattern_is(peer_hear(fd, total), total));
        fd_close(fd);
    }
}

/* ---- The marks ------------------------------------------------------------------------------- */

/* The length of the queue, to the byte, while the socket takes nothing. */
static struct conn *
open_blocked(int *ret_fd)
{
    struct conn *c;

    limits.output_low = 2000;
    limits.output_high = 50000;
    limits.output_max = 100000;
    fixture_start(&stream_full, &transport_plain);
    *ret_fd = peer_unix();
    c = seen[0].c;
    fill_socket(c);
    limits.output_low = conn_queued(c) + 1000;
    limits.output_high = conn_queued(c) + 4000;
    limits.output_max = conn_queued(c) + 9000;
    return c;
}

static void
test_conn_high_mark_at_the_limit_and_one_past_it(void **state)
{
    struct conn *c;
    int fd;

    c = open_blocked(&fd);
    assert_int_equal(conn_write(c, bytes, 4000), 0);
    peer_say(fd, "a");
    until(seen[0].count == 1); /* it still reads */
    assert_int_equal(conn_write(c, bytes + 4000, 1), 1);
    calm();
    peer_say(fd, "b");
    assert_true(rounds_within(50) <= 3);
    assert_int_equal(seen[0].count, 1); /* it does not */
    assert_int_equal(seen[0].drained, 0);
    peer_hear(fd, 30000);
    until(({
        char scrap[4096];

        while (recv(fd, scrap, sizeof(scrap), 0) > 0)
            ;
        seen[0].drained == 1 && seen[0].count == 2;
    }));
    assert_null(c->outq);
    calm();
    assert_int_equal(seen[0].drained, 1);
    fd_close(fd);
}

static void
test_conn_cap_at_the_limit_and_one_past_it(void **state)
{
    struct conn *c;
    size_t queued;
    int fd;

    c = open_blocked(&fd);
    queued = conn_queued(c);
    assert_int_equal(conn_write(c, bytes, 9001), -ENOBUFS);
    assert_int_equal(conn_queued(c), queued); /* nothing of it */
    assert_null(conn_reserve(c, 9001));
    assert_int_equal(conn_write_shared(c, bytes, 9001, NULL, NULL), -ENOBUFS);
    assert_int_equal(conn_write(c, bytes, 8999), 1);
    assert_int_equal(conn_write(c, bytes, 2), -ENOBUFS);
    assert_int_equal(conn_write(c, bytes + 8999, 1), 1);
    assert_int_equal(conn_queued(c), queued + 9000);
    assert_int_equal(conn_write(c, bytes, 1), -ENOBUFS);
    assert_int_equal(seen[0].closed, 0); /* it stays open */
    fd_close(fd);
}

/* Refused for the cap while the queue is below both marks: on_drained waits for more room, and what
 * waits for that must not look like the end of input once the tail is full. */
static ptrdiff_t
write_too_much(struct seen *s, const char *data, size_t len)
{
    return conn_write(s->c, bytes, limits.output_max) == -ENOBUFS ? 0 : -1;
}

static void
test_conn_refused_for_the_cap_pauses_reading(void **state)
{
    int fd;

    limits.output_max = sizeof(bytes);
    limits.output_low = limits.output_high;
    fixture_start(&stream_full, &transport_plain);
    fd = peer_unix();
    fill_socket(seen[0].c);
    assert_true(conn_queued(seen[0].c) <= limits.output_high);
    script.read = write_too_much;
    peer_send(fd, bytes, 3 * limits.tail_max);
    until(seen[0].reads == 1);
    assert_true(rounds_within(50) <= 3);
    assert_int_equal(seen[0].reads, 1);
    script.read = NULL;
    until(({
        char scrap[65536];
        recv(fd, scrap, sizeof(scrap), 0);
        seen[0].count == 3 * limits.tail_max;
    }));
    assert_true(seen[0].drained > 0);
    assert_int_equal(seen[0].eofs, 0);
    assert_true(pattern_is(seen[0].bytes, seen[0].count));
    fd_close(fd);
}

/* The write passed the high mark, and the flush left less than that: the pause holds until the low
 * one. */
static void
test_conn_throttle_holds_until_the_low_mark(void **state)
{
    int fd;

    script.read = write_parts;
    part = total = 9000;
    faults.write_max = 4000;
    fixture_start(&stream_full, &transport_faulty);
    fd = peer_unix();
    peer_say(fd, "go");
    turn(1000);
    assert_int_equal(results[1], 1);
    assert_int_equal(conn_queued(seen[0].c), 5000);
    assert_true(seen[0].c->flags & CONN_THROTTLED);
    peer_say(fd, "on");
    turn(1000);
    assert_int_equal(seen[0].reads, 1);
    assert_true(pattern_is(peer_hear(fd, 9000), 9000));
    until(seen[0].drained == 1 && seen[0].reads == 2);
    fd_close(fd);
}

/* A write that returned 1 and left at once: on_drained is owed all the same. */
static void
test_conn_drained_though_the_socket_took_all(void **state)
{
    int fd;

    script.read = write_parts;
    part = 9000;
    total = 9000;
    fixture_start(&stream_full, &transport_plain);
    fd = peer_unix();
    peer_say(fd, "go");
    peer_hear(fd, 9000);
    assert_int_equal(results[1], 1);
    until(seen[0].drained == 1);
    peer_say(fd, "go");
    until(seen[0].reads == 2);
    fd_close(fd);
}

static int
drained_writes(struct seen *s)
{
    if (s->drained < 4)
        count_result(conn_write(s->c, bytes, 9000));
    return 0;
}

static void
test_conn_drained_may_write_more(void **state)
{
    int fd;

    script.read = write_parts;
    script.drained = drained_writes;
    part = total = 9000;
    fixture_start(&stream_full, &transport_plain);
    fd = peer_unix();
    peer_say(fd, "go");
    assert_true(pattern_is(peer_hear(fd, 36000), 9000));
    until(seen[0].drained == 4);
    fd_close(fd);
}

/* ---- Neighbours and slow readers ------------------------------------------------------------- */

static ptrdiff_t
write_to_neighbour(struct seen *s, const char *data, size_t len)
{
    struct seen *other = &seen[s == &seen[0]];

    assert_int_equal(conn_write(other->c, data, len / 2), 0);
    assert_int_equal(conn_write(other->c, data + len / 2, len - len / 2), 0);
    return (ptrdiff_t)len;
}

static void
test_conn_write_to_a_neighbour_leaves_in_one_call(void **state)
{
    int a, b;

    fixture_start(&stream_full, &transport_faulty);
    a = peer_unix();
    b = peer_unix();
    script.read = write_to_neighbour;
    peer_say(a, "to b, in two writes");
    assert_memory_equal(peer_hear(b, 19), "to b, in two writes", 19);
    assert_int_equal(faults.writes, 1);
    peer_say(b, "and back");
    assert_memory_equal(peer_hear(a, 8), "and back", 8);
    fd_close(a);
    fd_close(b);
}

static ptrdiff_t
echo_loudly(struct seen *s, const char *data, size_t len)
{
    int r = 0;

    for (int i = 0; i < 50 && r == 0; i++)
        r = conn_write(s->c, bytes, 1000);
    return (ptrdiff_t)len;
}

static void
test_conn_slow_reader_stays_under_the_cap_and_others_are_served(void **state)
{
    int slow, quick;

    fixture_start(&stream_full, &transport_plain);
    slow = peer_unix();
    quick = peer_unix();
    script.read = echo_loudly;
    for (int i = 0; i < 300; i++) {
        send(slow, "more", 4, MSG_NOSIGNAL);
        calm();
        assert_true(conn_queued(seen[0].c) <= limits.output_max);
    }
    assert_true(seen[0].c->flags & CONN_THROTTLED);
    assert_true(rounds_within(50) <= 3);
    script.read = script_echo;
    for (int i = 0; i < 20; i++) {
        peer_say(quick, "ping");
        assert_memory_equal(peer_hear(quick, 4), "ping", 4);
    }
    fd_close(slow);
    fd_close(quick);
    until(net->conns == 0);
}

static void
test_conn_write_after_the_end_is_refused(void **state)
{
    int fd;

    fixture_start(&stream_full, &transport_plain);
    fd = peer_tcp();
    assert_int_equal(conn_write(seen[0].c, "last", 4), 0);
    assert_int_equal(conn_shutdown(seen[0].c), 0);
    assert_int_equal(conn_shutdown(seen[0].c), -EPIPE);
    assert_int_equal(conn_write(seen[0].c, "x", 1), -EPIPE);
    assert_null(conn_reserve(seen[0].c, 1));
    assert_memory_equal(peer_hear(fd, 4), "last", 4);
    until(peer_ended(fd));
    peer_say(fd, "it still reads"); /* half-closed */
    until(seen[0].count == 14);
    fd_close(fd);
    until(seen[0].closed);
    assert_int_equal(seen[0].reason, GOEVD_REASON_EOF);
}

#define WRITE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WRITE_TEST(test_conn_writes_of_a_callback_leave_in_one_call),
        WRITE_TEST(test_conn_writes_spill_from_the_buffer_to_the_queue),
        WRITE_TEST(test_conn_reserve_and_commit),
        WRITE_TEST(test_conn_commit_of_nothing),
        WRITE_TEST(test_conn_partial_writes_keep_the_order),
        WRITE_TEST(test_conn_high_mark_at_the_limit_and_one_past_it),
        WRITE_TEST(test_conn_cap_at_the_limit_and_one_past_it),
        WRITE_TEST(test_conn_refused_for_the_cap_pauses_reading),
        WRITE_TEST(test_conn_throttle_holds_until_the_low_mark),
        WRITE_TEST(test_conn_drained_though_the_socket_took_all),
        WRITE_TEST(test_conn_drained_may_write_more),
        WRITE_TEST(test_conn_write_to_a_neighbour_leaves_in_one_call),
        WRITE_TEST(test_conn_slow_reader_stays_under_the_cap_and_others_are_served),
        WRITE_TEST(test_conn_write_after_the_end_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
