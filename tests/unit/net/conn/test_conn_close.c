#include "unit/net/net_fixture.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fd.h"

/* ---- From every callback --------------------------------------------------------------------- */

enum where { AT_OPEN, AT_READ, AT_EOF, AT_DRAINED, AT_TIMEOUT, AT_STOP, AT_CLOSE, WHERE_COUNT };

static enum where where;
static void (*meddle)(struct seen *s); /* action in the callback */
static int result;                     /* result of that callback */

static int
meddle_at(struct seen *s, enum where here, int otherwise)
{
    if (here != where)
        return otherwise;
    meddle(s);
    return result;
}

static int
at_open(struct seen *s)
{
    conn_timer_arm(s->c, 1, 5 * NS_PER_MS, 0);
    return meddle_at(s, AT_OPEN, 0);
}

static ptrdiff_t
at_read(struct seen *s, const char *data, size_t len)
{
    static char bytes[9000]; /* above the high mark, for on_drained */
    int r;

    conn_write(s->c, bytes, sizeof(bytes));
    r = meddle_at(s, AT_READ, 0);
    return r < 0 ? r : (ptrdiff_t)len;
}

static int
at_eof(struct seen *s)
{
    return meddle_at(s, AT_EOF, 0);
}

static int
at_drained(struct seen *s)
{
    return meddle_at(s, AT_DRAINED, 0);
}

static int
at_timeout(struct seen *s, uint64_t cookie)
{
    return meddle_at(s, AT_TIMEOUT, 0);
}

static int
at_stop(struct seen *s)
{
    return meddle_at(s, AT_STOP, -1);
}

static void
at_close(struct seen *s)
{
    meddle_at(s, AT_CLOSE, 0);
}

/* A connection that lives through every callback, unless it is ended by one. */
static void
live_through(void)
{
    unsigned i = seen_count;
    int fd = peer_unix();

    assert_int_equal(seen_count, i + 1);
    send(fd, "x", 1, MSG_NOSIGNAL);
    until(seen[i].closed || (seen[i].timeouts && seen[i].drained));
    shutdown(fd, SHUT_WR);
    until(seen[i].closed || seen[i].eofs);
    calm();
    if (!seen[i].closed)
        conn_stop(seen[i].c);
    calm();
    fd_close(fd);
    until(seen[i].closed);
    assert_true(seen[i].opened);
}

static int
setup(void **state)
{
    fixture_setup(state);
    limits.linger_timeout_ns = 20 * NS_PER_MS;
    where = WHERE_COUNT;
    result = 0;
    meddle = NULL;
    return 0;
}

static const struct script at_all = {
    .open = at_open,
    .read = at_read,
    .eof = at_eof,
    .drained = at_drained,
    .timeout = at_timeout,
    .stop = at_stop,
    .close = at_close,
};

static void
through_all(void (*fn)(struct seen *s), int returns)
{
    meddle = fn;
    result = returns;
    fixture_start(&stream_full, &transport_plain);
    script = at_all;
    for (where = 0; where <= WHERE_COUNT; where++)
        live_through();
    for (enum where w = AT_READ; w < WHERE_COUNT; w++) /* each was reached */
        assert_true(seen[w].opened && (w != AT_READ || seen[w].reads) &&
                    (w != AT_EOF || seen[w].eofs) && (w != AT_DRAINED || seen[w].drained) &&
                    (w != AT_TIMEOUT || seen[w].timeouts) && (w != AT_STOP || seen[w].stops));
}

static void
close_flush(struct seen *s)
{
    conn_close(s->c, GOEVD_CLOSE_FLUSH, GOEVD_REASON_HANDLER);
    conn_close(s->c, GOEVD_CLOSE_FLUSH, GOEVD_REASON_IDLE); /* the first reason stays */
}

static void
close_now(struct seen *s)
{
    conn_close(s->c, GOEVD_CLOSE_NOW, GOEVD_REASON_HANDLER);
    assert_int_equal(conn_write(s->c, "x", 1), -EPIPE);
    assert_int_equal(conn_timer_arm(s->c, 1, 1, 0), -EPIPE);
}

static void
nothing(struct seen *s)
{
}

static void
rearm(struct seen *s)
{
    for (uint64_t cookie = 0; cookie < 4; cookie++)
        conn_timer_arm(s->c, cookie, 2 * NS_PER_MS, cookie * NS_PER_MS);
    conn_timer_cancel(s->c, 2);
    conn_timer_cancel(s->c, 77);
    conn_deadline(s->c, 3 * NS_PER_MS);
}

static void
pause_resume_need(struct seen *s)
{
    conn_pause(s->c);
    conn_need(s->c, 0);
    conn_need(s->c, 1);
    conn_resume(s->c);
}

static void
write_all_ways(struct seen *s)
{
    char *room;

    conn_write(s->c, "a", 1);
    room = conn_reserve(s->c, 1);
    if (room) {
        *room = 'b';
        conn_commit(s->c, 1);
    }
    conn_write_shared(s->c, "c", 1, NULL, NULL);
}

static void
test_conn_closes_itself_in_every_callback(void **state)
{
    through_all(close_flush, 0);
}

static void
test_conn_closes_itself_at_once_in_every_callback(void **state)
{
    through_all(close_now, 0);
}

static void
test_conn_negative_value_of_every_callback_closes(void **state)
{
    through_all(nothing, -1);
}

static void
test_conn_timers_from_every_callback(void **state)
{
    through_all(rearm, 0);
}

static void
test_conn_pause_and_resume_in_every_callback(void **state)
{
    through_all(pause_resume_need, 0);
}

static void
test_conn_writes_in_every_callback(void **state)
{
    through_all(write_all_ways, 0);
}

/* ---- Neighbours ------------------------------------------------------------------------------ */

static struct seen *neighbour;

static void
write_to_and_close_the_neighbour(struct seen *s)
{
    if (!neighbour || s == neighbour || neighbour->closed)
        return;
    conn_write(neighbour->c, "n", 1);
    conn_close(neighbour->c, GOEVD_CLOSE_FLUSH, GOEVD_REASON_HANDLER);
    assert_int_equal(neighbour->closed, 0); /* never inside this call */
}

static void
test_conn_writes_to_and_closes_a_neighbour_in_every_callback(void **state)
{
    char heard[8];

    meddle = write_to_and_close_the_neighbour;
    fixture_start(&stream_full, &transport_plain);
    script = at_all;
    for (where = AT_OPEN; where < WHERE_COUNT; where++) {
        unsigned i = seen_count;
        int fd;

        neighbour = NULL;
        fd = peer_unix();
        neighbour = &seen[i];
        live_through();
        assert_int_equal(peer_drain(fd, heard, sizeof(heard)), 1);
        assert_int_equal(heard[0], 'n');
        fd_close(fd);
        until(neighbour->closed);
    }
}

static ptrdiff_t
close_the_other(struct seen *s, const char *data, size_t len)
{
    struct seen *other = &seen[s == &seen[0]];

    if (!other->closed) {
        conn_close(other->c, GOEVD_CLOSE_NOW, GOEVD_REASON_HANDLER);
        assert_int_equal(conn_write(other->c, "x", 1), -EPIPE);
        assert_int_equal(other->closed, 0); /* never inside this call */
    }
    return (ptrdiff_t)len;
}

/* Both have bytes in one batch: the closed one gets no callback. */
static void
test_conn_closes_a_neighbour_with_events_in_the_batch(void **state)
{
    int a, b;

    fixture_start(&stream_full, &transport_plain);
    a = peer_unix();
    b = peer_unix();
    script.read = close_the_other;
    peer_say(a, "x");
    peer_say(b, "x");
    turn(1000);
    assert_int_equal(seen[0].reads + seen[1].reads, 1);
    assert_int_equal(seen[0].closed + seen[1].closed, 1);
    assert_int_equal(net->conns, 1);
    fd_close(a);
    fd_close(b);
}

static void
close_the_other_at_close(struct seen *s)
{
    struct seen *other = &seen[s == &seen[0]];

    if (!other->closed)
        conn_close(other->c, GOEVD_CLOSE_NOW, GOEVD_REASON_HANDLER);
}

static void
test_conn_closes_a_neighbour_from_on_close(void **state)
{
    int a, b;

    fixture_start(&stream_full, &transport_plain);
    a = peer_unix();
    b = peer_unix();
    script.close = close_the_other_at_close;
    fd_close(a);
    until(seen[0].closed && seen[1].closed);
    fd_close(b);
}

#define CLOSE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CLOSE_TEST(test_conn_closes_itself_in_every_callback),
        CLOSE_TEST(test_conn_closes_itself_at_once_in_every_callback),
        CLOSE_TEST(test_conn_negative_value_of_every_callback_closes),
        CLOSE_TEST(test_conn_timers_from_every_callback),
        CLOSE_TEST(test_conn_pause_and_resume_in_every_callback),
        CLOSE_TEST(test_conn_writes_in_every_callback),
        CLOSE_TEST(test_conn_writes_to_and_closes_a_neighbour_in_every_callback),
        CLOSE_TEST(test_conn_closes_a_neighbour_with_events_in_the_batch),
        CLOSE_TEST(test_conn_closes_a_neighbour_from_on_close),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
