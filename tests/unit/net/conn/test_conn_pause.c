#include "unit/net/net_fixture.h"

#include <sys/socket.h>

#include "base/fd.h"

static int
setup(void **state)
{
    fixture_setup(state);
    script.read = script_leave;
    return 0;
}

/* ---- The end of input ------------------------------------------------------------------------ */

static void
test_conn_eof_waits_behind_the_tail(void **state)
{
    struct seen *s = &seen[0];
    int fd;

    script.eof = script_go_on;
    fixture_start(&stream_full, &transport_plain);
    fd = peer_unix();
    leave.keep = 2;
    peer_say(fd, "abcd");
    until(s->reads == 1);
    leave.keep = 0;
    shutdown(fd, SHUT_WR);
    until(s->eofs == 1);
    assert_int_equal(s->reads, 2);
    assert_int_equal(s->len, 2);
    assert_int_equal(s->fresh, 2);
    assert_int_equal(s->flags, GOEVD_READ_EOF);
    assert_string_equal(s->bytes, "abcd");
    fd_close(fd);
}

static void
test_conn_eof_follows_at_once_if_the_tail_stays(void **state)
{
    struct seen *s = &seen[0];
    int fd;

    script.eof = script_go_on;
    fixture_start(&stream_full, &transport_plain);
    fd = peer_unix();
    leave.keep = 100;
    peer_say(fd, "abcd");
    until(s->reads == 1);
    shutdown(fd, SHUT_WR);
    until(s->eofs == 1);
    assert_int_equal(s->reads, 2);
    assert_null(s->c->tail);
    calm();
    assert_int_equal(s->eofs, 1);
    fd_close(fd);
}

static void
test_conn_eof_waits_behind_a_pause(void **state)
{
    struct seen *s = &seen[0];
    int fd;

    script.eof = script_go_on;
    fixture_start(&stream_full, &transport_plain);
    fd = peer_unix();
    leave.pause = true;
    leave.keep = 2;
    peer_say(fd, "abcd");
    until(s->reads == 1);
    peer_say(fd, "ef");
    shutdown(fd, SHUT_WR);
    calm();
    assert_int_equal(s->reads, 1);
    conn_resume(s->c); /* paused again by each on_read, which finds but the tail */
    until(s->reads == 2);
    conn_resume(s->c);
    until(s->reads == 3);
    assert_string_equal(s->bytes, "ab");
    assert_int_equal(s->eofs, 0);
    leave.pause = false;
    leave.keep = 0;
    conn_resume(s->c);
    until(s->eofs == 1);
    assert_string_equal(s->bytes, "abcdef");
    fd_close(fd);
}

static void
test_conn_eof_without_a_handler_flushes_and_closes(void **state)
{
    char bytes[] = "echo this";
    int fd;

    script.read = script_echo;
    fixture_start(&stream_bare, &transport_plain);
    fd = peer_tcp();
    peer_say(fd, bytes);
    shutdown(fd, SHUT_WR);
    assert_memory_equal(peer_hear(fd, 9), bytes, 9);
    until(seen[0].closed);
    assert_int_equal(seen[0].reason, GOEVD_REASON_EOF);
    assert_true(peer_ended(fd));
    fd_close(fd);
}

static void
test_conn_eof_handler_goes_on_writing(void **state)
{
    struct seen *s = &seen[0];
    int fd;

    script.eof = script_go_on;
    fixture_start(&stream_full, &transport_plain);
    fd = peer_tcp();
    shutdown(fd, SHUT_WR);
    until(s->eofs == 1);
    assert_true(rounds_within(100) <= 5);
    conn_write(s->c, "still here", 10);
    assert_memory_equal(peer_hear(fd, 10), "still here", 10);
    conn_shutdown(s->c); /* both directions have ended */
    until(s->closed);
    assert_int_equal(s->reason, GOEVD_REASON_EOF);
    assert_true(peer_ended(fd));
    fd_close(fd);
}

/* ---- Pausing --------------------------------------------------------------------------------- */

static ptrdiff_t
pause_and_resume(struct seen *s, const char *data, size_t len)
{
    unsigned reads = s->reads;

    conn_pause(s->c);
    conn_resume(s->c); /* the fixture checks that on_read does not run inside itself */
    assert_int_equal(s->reads, reads);
    return reads < 5 ? (ptrdiff_t)len - 1 : (ptrdiff_t)len;
}

static void
test_conn_resume_delivers_from_the_loop(void **state)
{
    struct seen *s = &seen[0];
    int fd;

    fixture_start(&stream_full, &transport_plain);
    fd = peer_unix();
    leave.keep = 5;
    leave.pause = true;
    peer_say(fd, "abcdefgh");
    until(s->reads == 1);
    peer_say(fd, "ij");
    calm();
    assert_int_equal(s->reads, 1);
    conn_resume(s->c);
    assert_int_equal(s->reads, 1);
    until(s->reads == 2);
    assert_int_equal(s->len, 5);
    assert_int_equal(s->fresh, 5);
    leave.keep = 0;
    leave.pause = false;
    conn_resume(s->c);
    until(s->count == 10);
    assert_string_equal(s->bytes, "abcdefghij");
    fd_close(fd);
}

static void
test_conn_resume_within_on_read(void **state)
{
    struct seen *s = &seen[0];
    int fd;

    script.read = pause_and_resume;
    fixture_start(&stream_full, &transport_plain);
    fd = peer_unix();
    peer_say(fd, "ab");
    until(s->count == 2);
    calm();
    script.read = NULL;
    peer_say(fd, "c");
    until(s->count == 3);
    fd_close(fd);
}

static void
test_conn_resume_heeds_the_need(void **state)
{
    struct seen *s = &seen[0];
    int fd;

    fixture_start(&stream_full, &transport_plain);
    fd = peer_unix();
    leave.keep = 4;
    leave.need = 6;
    leave.pause = true;
    peer_say(fd, "abcd");
    until(s->reads == 1);
    conn_resume(s->c);
    calm();
    assert_int_equal(s->reads, 1);
    leave.keep = 0;
    peer_say(fd, "ef");
    until(s->reads == 2);
    assert_string_equal(s->bytes, "abcdef");
    fd_close(fd);
}

static void
paused_then(int fd, void (*hang_up)(int fd))
{
    leave.pause = true;
    peer_say(fd, "a");
    until(seen[0].reads == 1);
    peer_say(fd, "unread");
    hang_up(fd);
    assert_true(rounds_within(200) <= 8);
}

static void
hang_up_close(int fd)
{
    fd_close(fd);
}

static void
hang_up_reset(int fd)
{
    struct linger linger = {.l_onoff = 1};

    setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
    fd_close(fd);
}

static void
test_conn_hang_up_while_paused_does_not_spin(void **state)
{
    fixture_start(&stream_full, &transport_plain);
    paused_then(peer_unix(), hang_up_close);
    assert_int_equal(seen[0].closed, 0);
    leave.pause = false;
    conn_resume(seen[0].c); /* earlier bytes are there */
    until(seen[0].closed);
    assert_string_equal(seen[0].bytes, "aunread");
    assert_int_equal(seen[0].eofs, 1);
}

static void
test_conn_end_while_paused_does_not_spin(void **state)
{
    fixture_start(&stream_full, &transport_plain);
    paused_then(peer_tcp(), hang_up_close);
    assert_int_equal(seen[0].closed, 0);
    leave.pause = false;
    conn_resume(seen[0].c);
    until(seen[0].closed);
    assert_string_equal(seen[0].bytes, "aunread");
}

static void
test_conn_reset_while_paused_closes(void **state)
{
    fixture_start(&stream_full, &transport_plain);
    paused_then(peer_tcp(), hang_up_reset);
    assert_int_equal(seen[0].closed, 1);
    assert_int_equal(seen[0].reason, GOEVD_REASON_RESET);
}

static int
pause_at_once(struct seen *s)
{
    conn_pause(s->c);
    return 0;
}

/* It has never been read from, and epoll must know it all the same. */
static void
test_conn_reset_while_paused_from_the_beginning_closes(void **state)
{
    int fd;

    script.open = pause_at_once;
    fixture_start(&stream_full, &transport_plain);
    fd = peer_tcp();
    until(seen[0].opened == 1);
    hang_up_reset(fd);
    until(seen[0].closed);
    assert_int_equal(seen[0].reason, GOEVD_REASON_RESET);
}

static void
test_conn_hang_up_while_paused_from_the_beginning_does_not_spin(void **state)
{
    int fd;

    script.open = pause_at_once;
    fixture_start(&stream_full, &transport_plain);
    fd = peer_unix();
    peer_say(fd, "unread");
    fd_close(fd);
    assert_true(rounds_within(200) <= 8);
    conn_resume(seen[0].c);
    until(seen[0].closed);
    assert_string_equal(seen[0].bytes, "unread");
}

/* A muted connection that writes, gets on_drained and closes. */
static void
test_conn_hang_up_while_paused_then_write(void **state)
{
    fixture_start(&stream_full, &transport_plain);
    paused_then(peer_unix(), hang_up_close);
    conn_write(seen[0].c, "x", 1);
    until(seen[0].closed);
    assert_int_equal(seen[0].reason, GOEVD_REASON_RESET);
}

static void
test_conn_hang_up_while_paused_then_close(void **state)
{
    fixture_start(&stream_full, &transport_plain);
    paused_then(peer_unix(), hang_up_close);
    conn_close(seen[0].c, GOEVD_CLOSE_FLUSH, GOEVD_REASON_HANDLER);
    until(seen[0].closed);
    assert_int_equal(seen[0].reason, GOEVD_REASON_HANDLER);
}

#define READ_TEST(name) cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        READ_TEST(test_conn_eof_waits_behind_the_tail),
        READ_TEST(test_conn_eof_follows_at_once_if_the_tail_stays),
        READ_TEST(test_conn_eof_waits_behind_a_pause),
        READ_TEST(test_conn_eof_without_a_handler_flushes_and_closes),
        READ_TEST(test_conn_eof_handler_goes_on_writing),
        READ_TEST(test_conn_resume_delivers_from_the_loop),
        READ_TEST(test_conn_resume_within_on_read),
        READ_TEST(test_conn_resume_heeds_the_need),
        READ_TEST(test_conn_hang_up_while_paused_does_not_spin),
        READ_TEST(test_conn_end_while_paused_does_not_spin),
        READ_TEST(test_conn_reset_while_paused_closes),
        READ_TEST(test_conn_reset_while_paused_from_the_beginning_closes),
        READ_TEST(test_conn_hang_up_while_paused_from_the_beginning_does_not_spin),
        READ_TEST(test_conn_hang_up_while_paused_then_write),
        READ_TEST(test_conn_hang_up_while_paused_then_close),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
