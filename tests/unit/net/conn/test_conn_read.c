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

/* ---- The tail -------------------------------------------------------------------------------- */

static void
test_conn_tail_comes_again_in_front(void **state)
{
    struct seen *s = &seen[0];
    int fd;

    fixture_start(&stream_full, &transport_plain);
    fd = peer_unix();
    leave.keep = 3;
    peer_say(fd, "abcdef");
    until(s->reads == 1);
    assert_int_equal(s->fresh, 0);
    assert_string_equal(s->bytes, "abc");
    assert_non_null(s->c->tail);
    peer_say(fd, "gh");
    until(s->reads == 2);
    assert_int_equal(s->len, 5);
    assert_int_equal(s->fresh, 3);
    assert_string_equal(s->bytes, "abcde");
    leave.keep = 0;
    peer_say(fd, "i");
    until(s->reads == 3);
    assert_int_equal(s->fresh, 3);
    assert_string_equal(s->bytes, "abcdefghi");
    assert_null(s->c->tail); /* an idle connection keeps no buffer */
    fd_close(fd);
}

static void
test_conn_tail_is_not_told_again_without_new_bytes(void **state)
{
    int fd;

    fixture_start(&stream_full, &transport_plain);
    fd = peer_unix();
    leave.keep = 3;
    peer_say(fd, "abc");
    until(seen[0].reads == 1);
    calm();
    assert_int_equal(seen[0].reads, 1);
    fd_close(fd);
}

static void
test_conn_need_waits_for_so_many(void **state)
{
    struct seen *s = &seen[0];
    int fd;

    fixture_start(&stream_full, &transport_plain);
    fd = peer_unix();
    leave.keep = 2;
    leave.need = 10;
    peer_say(fd, "abcd");
    until(s->reads == 1);
    for (int i = 0; i < 7; i++) { /* 2 are kept: up to 9 come in silence */
        peer_say(fd, "x");
        calm();
        assert_int_equal(s->reads, 1);
    }
    leave.need = 0; /* the hint held until now */
    peer_say(fd, "y");
    until(s->reads == 2);
    assert_int_equal(s->len, 10);
    peer_say(fd, "z");
    until(s->reads == 3);
    assert_string_equal(s->bytes, "abcdxxxxxxx");
    fd_close(fd);
}

static void
test_conn_need_without_a_tail(void **state)
{
    struct seen *s = &seen[0];
    int fd;

    fixture_start(&stream_full, &transport_plain);
    fd = peer_unix();
    leave.need = 4;
    peer_say(fd, "ab");
    until(s->reads == 1);
    assert_int_equal(s->count, 2);
    peer_say(fd, "cde");
    calm();
    assert_int_equal(s->reads, 1);
    peer_say(fd, "f");
    until(s->reads == 2);
    assert_int_equal(s->len, 4);
    leave.need = 0;
    peer_say(fd, "ghij");
    until(s->reads == 3);
    assert_null(s->c->tail);
    fd_close(fd);
}

/* Bytes received while muted are new to the handler. */
static void
test_conn_fresh_is_what_the_handler_has_not_seen(void **state)
{
    struct seen *s = &seen[0];
    int fd;

    fixture_start(&stream_full, &transport_plain);
    fd = peer_unix();
    leave.keep = 2;
    leave.need = 6;
    peer_say(fd, "abcd");
    until(s->reads == 1);
    peer_say(fd, "ef");
    calm();
    leave.need = 0;
    peer_say(fd, "ghijk"); /* more than is kept */
    until(s->reads == 2);
    assert_int_equal(s->len, 9);
    assert_int_equal(s->fresh, 2);
    leave.keep = 8;
    leave.need = 11;
    peer_say(fd, "lmnopqr");
    until(s->reads == 3);
    assert_int_equal(s->len, 9);
    for (const char *more = "stu"; *more; more++) { /* less than is kept */
        peer_send(fd, more, 1);
        calm();
    }
    assert_int_equal(s->reads, 4);
    assert_int_equal(s->len, 11);
    assert_int_equal(s->fresh, 8);
    assert_string_equal(s->bytes, "abcdefghijklm");
    fd_close(fd);
}

/* More than the tail may hold counts as that, and the end of input lifts it. */
static void
test_conn_need_is_bounded_and_ends_with_the_input(void **state)
{
    struct seen *s = &seen[0];
    char bytes[1000];
    int fd;

    pattern_fill(bytes, sizeof(bytes));
    fixture_start(&stream_full, &transport_plain);
    fd = peer_unix();
    leave.need = 1u << 30;
    peer_send(fd, bytes, 1);
    until(s->reads == 1);
    peer_send(fd, bytes, 999);
    calm();
    assert_int_equal(s->reads, 1);
    peer_send(fd, bytes + 999, 1);
    until(s->reads == 2);
    assert_int_equal(s->len, 1000);
    peer_send(fd, "end", 3);
    calm();
    assert_int_equal(s->reads, 2);
    shutdown(fd, SHUT_WR);
    until(s->reads == 3);
    assert_int_equal(s->len, 3);
    assert_true(s->flags & GOEVD_READ_EOF);
    fd_close(fd);
}

/* ---- The limit ------------------------------------------------------------------------------- */

static unsigned fulls;

static ptrdiff_t
answer_when_full(struct seen *s, const char *data, size_t len)
{
    if (!(s->flags & GOEVD_READ_FULL))
        return 0;
    fulls++;
    conn_write(s->c, "too much", 8);
    return leave.keep ? 0 : (ptrdiff_t)len;
}

static void
test_conn_full_one_below_the_limit_waits(void **state)
{
    static char bytes[999];
    int fd;

    fulls = 0;
    script.read = answer_when_full;
    fixture_start(&stream_full, &transport_plain);
    fd = peer_unix();
    peer_send(fd, bytes, sizeof(bytes));
    until(seen[0].len == sizeof(bytes));
    calm();
    assert_int_equal(fulls, 0);
    assert_int_equal(seen[0].closed, 0);
    fd_close(fd);
}

static void
check_full(int fd, size_t len, size_t part)
{
    static char bytes[3000];

    fulls = 0;
    script.read = answer_when_full;
    for (size_t sent = 0; sent < len; sent += part) {
        peer_send(fd, bytes, MIN(part, len - sent));
        calm();
    }
    assert_int_equal(fulls, 1);
}

static void
test_conn_full_at_the_limit_may_answer_and_closes(void **state)
{
    static const size_t parts[] = {1000, 100, 7};

    fixture_start(&stream_full, &transport_plain);
    for (unsigned i = 0; i < 3; i++) {
        char answer[9] = "";
        int fd = peer_unix();

        leave.keep = 1;
        check_full(fd, 1000, parts[i]);
        assert_int_equal(seen[i].len, 1000);
        until(recv(fd, answer, 8, 0) == 8);
        assert_string_equal(answer, "too much");
        fd_close(fd);
        until(seen[i].closed);
        assert_int_equal(seen[i].reason, GOEVD_REASON_FULL);
    }
}

static void
test_conn_full_one_past_the_limit_answers_once(void **state)
{
    int fd;

    fixture_start(&stream_full, &transport_plain);
    fd = peer_tcp();
    leave.keep = 1;
    check_full(fd, 1001, 1001);
    assert_memory_equal(peer_hear(fd, 8), "too much", 8);
    fd_close(fd);
    until(seen[0].closed);
    assert_int_equal(seen[0].reason, GOEVD_REASON_FULL);
}

static void
test_conn_full_goes_on_where_the_handler_consumes(void **state)
{
    int fd;

    fixture_start(&stream_full, &transport_plain);
    fd = peer_unix();
    check_full(fd, 1000, 1000);
    assert_int_equal(seen[0].count, 1000);
    assert_int_equal(seen[0].closed, 0);
    script.read = NULL;
    peer_say(fd, "more");
    until(seen[0].count == 1004);
    fd_close(fd);
}

/* Paused at the limit: the last chance comes with the resume. */
static ptrdiff_t
pause_until_full(struct seen *s, const char *data, size_t len)
{
    if (s->flags & GOEVD_READ_FULL)
        return answer_when_full(s, data, len);
    conn_pause(s->c);
    return 0;
}

static void
test_conn_full_waits_behind_a_pause(void **state)
{
    static char bytes[1000];
    int fd;

    script.read = pause_until_full;
    fixture_start(&stream_full, &transport_plain);
    fulls = 0;
    leave.keep = 1;
    fd = peer_unix();
    peer_send(fd, bytes, sizeof(bytes));
    until(seen[0].reads);
    calm();
    assert_int_equal(fulls, 0);
    script.read = answer_when_full;
    conn_resume(seen[0].c);
    until(fulls == 1);
    assert_memory_equal(peer_hear(fd, 8), "too much", 8);
    fd_close(fd);
}

static void
test_conn_counts_bytes(void **state)
{
    static char bytes[900];
    int fd;

    script.read = script_echo;
    fixture_start(&stream_full, &transport_plain);
    fd = peer_unix();
    for (int i = 0; i < 10; i++) {
        peer_send(fd, bytes, sizeof(bytes));
        peer_hear(fd, sizeof(bytes));
    }
    calm();
    assert_int_equal(seen[0].c->bytes_in, 9000);
    assert_int_equal(seen[0].c->bytes_out, 9000);
    assert_int_equal(net->metrics->bytes_in, 9000);
    assert_int_equal(net->metrics->bytes_out, 9000);
    fd_close(fd);
}

#define READ_TEST(name) cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        READ_TEST(test_conn_tail_comes_again_in_front),
        READ_TEST(test_conn_tail_is_not_told_again_without_new_bytes),
        READ_TEST(test_conn_need_waits_for_so_many),
        READ_TEST(test_conn_need_without_a_tail),
        READ_TEST(test_conn_fresh_is_what_the_handler_has_not_seen),
        READ_TEST(test_conn_need_is_bounded_and_ends_with_the_input),
        READ_TEST(test_conn_full_one_below_the_limit_waits),
        READ_TEST(test_conn_full_at_the_limit_may_answer_and_closes),
        READ_TEST(test_conn_full_one_past_the_limit_answers_once),
        READ_TEST(test_conn_full_goes_on_where_the_handler_consumes),
        READ_TEST(test_conn_full_waits_behind_a_pause),
        READ_TEST(test_conn_counts_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
