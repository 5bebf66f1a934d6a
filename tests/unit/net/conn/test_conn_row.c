#include "unit/net/net_fixture.h"

#include <string.h>

#include "base/fd.h"

static struct conn_row rows[8];
static unsigned row_count;

static void
take(struct conn *c, void *arg)
{
    assert_ptr_equal(arg, rows);
    assert_true(row_count < ARRAY_LEN(rows));
    conn_row_take(c, &rows[row_count++]);
}

/* All rows, in steps of so many slots; returns how many steps it took. */
static unsigned
walk(uint32_t slots)
{
    uint32_t cursor = 0;
    unsigned steps = 1;

    row_count = 0;
    while (net_walk(net, &cursor, slots, take, rows))
        steps++;
    return steps;
}

static void
test_conn_row_tells_what_there_is(void **state)
{
    char peer[ADDRESS_TEXT_MAX], local[ADDRESS_TEXT_MAX];
    struct sockaddr_in in;
    socklen_t len = sizeof(in);
    int fd;

    script.read = script_echo;
    fixture_start(&stream_full, &transport_plain);
    service->listener = "web";
    fd = peer_tcp();
    until(seen_count == 1);
    peer_say(fd, "12345");
    peer_hear(fd, 5);
    walk(NET_WALK_SLOTS);
    assert_int_equal(row_count, 1);
    assert_int_equal(rows[0].id, seen[0].id);
    assert_string_equal(rows[0].listener, "web");
    assert_int_equal(rows[0].bytes_in, 5);
    assert_int_equal(rows[0].bytes_out, 5);
    assert_int_equal(rows[0].queued, 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &len), 0);
    address_format((struct sockaddr *)&in, len, local, sizeof(local));
    assert_string_equal(address_format(&rows[0].peer.sa, rows[0].peer.len, peer, sizeof(peer)),
                        local);
    fd_close(fd);
}

static void
test_conn_row_age_goes_on_where_idle_time_begins_anew(void **state)
{
    int fd;

    fixture_start(&stream_full, &transport_plain);
    fd = peer_unix();
    until(seen_count == 1);
    walk(NET_WALK_SLOTS);
    assert_true(rows[0].age_ns <= NS_PER_S);
    poller->now_ns += 3600 * NS_PER_S;
    walk(NET_WALK_SLOTS);
    assert_in_range(rows[0].age_ns, 3599 * NS_PER_S, 3601 * NS_PER_S);
    assert_in_range(rows[0].idle_ns, 3599 * NS_PER_S, 3601 * NS_PER_S);
    seen[0].c->active_tick = net_tick(net);
    walk(NET_WALK_SLOTS);
    assert_in_range(rows[0].age_ns, 3599 * NS_PER_S, 3601 * NS_PER_S);
    assert_int_equal(rows[0].idle_ns, 0);
    fd_close(fd);
}

static void
test_conn_row_walk_looks_at_so_many_slots_in_a_step(void **state)
{
    int fds[5];

    fixture_start(&stream_full, &transport_plain);
    for (unsigned i = 0; i < ARRAY_LEN(fds); i++)
        fds[i] = peer_unix();
    until(seen_count == ARRAY_LEN(fds));
    assert_int_equal(walk(NET_WALK_SLOTS), 1);
    assert_int_equal(row_count, ARRAY_LEN(fds));
    assert_int_equal(walk(1), poller->slots.used);
    assert_int_equal(row_count, ARRAY_LEN(fds));
    for (unsigned i = 0; i < ARRAY_LEN(fds); i++)
        fd_close(fds[i]);
    until(net->conns == 0);
    walk(2);
    assert_int_equal(row_count, 0);
}

static void
test_conn_row_state_in_words(void **state)
{
    char buf[CONN_ROW_STATE_MAX];

    assert_string_equal(conn_row_state(CONN_OPENED | CONN_UNREAD, buf), "-");
    assert_string_equal(conn_row_state(CONN_OPENED | CONN_PAUSED, buf), "paused");
    assert_string_equal(conn_row_state(CONN_OPENED | CONN_CLOSING | CONN_LINGERING, buf),
                        "closing,lingering");
    assert_string_equal(conn_row_state(0, buf), "opening");
    assert_string_equal(conn_row_state(~(uint32_t)CONN_OPENED, buf),
                        "opening,paused,throttled,blocked,disk,refused,eof,shut,stopping,closing,"
                        "lingering");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        NET_TEST(test_conn_row_tells_what_there_is),
        NET_TEST(test_conn_row_age_goes_on_where_idle_time_begins_anew),
        NET_TEST(test_conn_row_walk_looks_at_so_many_slots_in_a_step),
        cmocka_unit_test(test_conn_row_state_in_words),
    };

    return cmocka_run_group_tests_name("conn_row", tests, NULL, NULL);
}
