/* How the http plugin's connections end: deadlines, closes, ends of input, stops. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "unit/http/http_fixture.h"

/* ---- Deadlines ------------------------------------------------------------------------------- */

static void
test_http_ends_deadline_runs_while_a_head_is_incomplete(void **state)
{
    struct http_fixture *f = http_fixture_begin();

    (void)state;
    http_fixture_send(f, "GET / HT");
    assert_int_equal(f->c.deadline, HEADER_TIMEOUT);
    http_fixture_send(f, "TP/1.1\r\n");
    http_fixture_send(f, "Host: a\r\n");
    /* more bytes of the same head give it no more time */
    assert_int_equal(f->c.deadline_calls, 1);
    http_fixture_send(f, "\r\n");
    assert_int_equal(f->c.deadline, 0);
    assert_int_equal(http_fixture_sent(f, "200 OK"), 1);
    http_fixture_end(f);
}

static void
test_http_ends_next_head_has_its_own_time(void **state)
{
    struct http_fixture *f = http_fixture_begin();

    (void)state;
    http_fixture_send(f, "GET / HT");
    http_fixture_send(f, "TP/1.1\r\nHost: a\r\n\r\nGET");
    assert_int_equal(f->c.deadline_calls, 2);
    assert_int_equal(f->c.deadline, HEADER_TIMEOUT);
    http_fixture_end(f);
}

static void
test_http_ends_408_when_a_head_is_late(void **state)
{
    struct http_fixture *f = http_fixture_begin();

    (void)state;
    http_fixture_send(f, "GET / HT");
    assert_int_equal(f->host.stream->on_timeout(&f->c, f->c.state, GOEVD_DEADLINE), 0);
    assert_int_equal(http_fixture_sent(f, "HTTP/1.1 408 Request Timeout\r\n"), 1);
    assert_int_equal(http_fixture_sent(f, "\r\nConnection: close\r\n"), 1);
    assert_true(f->c.closed);
    assert_int_equal(http_fixture_refused(f, HTTP_LATE_HEAD), 1);
    http_fixture_end(f);
}

static void
test_http_ends_closes_silently_when_no_request_began(void **state)
{
    struct http_fixture *f = http_fixture_begin();

    (void)state;
    http_fixture_send(f, "\r\n");
    assert_int_equal(f->c.deadline, HEADER_TIMEOUT);
    f->host.stream->on_timeout(&f->c, f->c.state, GOEVD_DEADLINE);
    assert_int_equal(f->c.out_len, 0);
    assert_true(f->c.closed);
    http_fixture_end(f);
}

static void
test_http_ends_408_when_a_body_is_late(void **state)
{
    struct http_fixture *f = http_fixture_begin();

    (void)state;
    http_fixture_send(f, "POST /form HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe");
    assert_int_equal(f->c.deadline, BODY_TIMEOUT);
    http_fixture_send(f, "ll");
    assert_int_equal(f->c.deadline_calls, 1);
    f->host.stream->on_timeout(&f->c, f->c.state, GOEVD_DEADLINE);
    assert_int_equal(http_fixture_sent(f, "HTTP/1.1 408 Request Timeout\r\n"), 1);
    assert_true(f->c.closed);
    assert_int_equal(http_fixture_refused(f, HTTP_LATE_BODY), 1);
    http_fixture_end(f);
}

static void
test_http_ends_body_lifts_the_deadline_of_its_head(void **state)
{
    struct http_fixture *f = http_fixture_begin();

    (void)state;
    http_fixture_send(f, "POST /form HTTP/1.1\r\nHost: a\r\n");
    http_fixture_send(f, "Content-Length: 5\r\n\r\nhe");
    assert_int_equal(f->c.deadline, BODY_TIMEOUT);
    http_fixture_send(f, "llo");
    assert_int_equal(f->c.deadline, 0);
    assert_int_equal(http_fixture_sent(f, "200 OK"), 1);
    http_fixture_end(f);
}

/* ---- Ends ------------------------------------------------------------------------------------ */

static void
test_http_ends_close_is_done_when_nothing_follows(void **state)
{
    struct http_fixture *f = http_fixture_begin();

    (void)state;
    http_fixture_send(f, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert_true(f->c.closed);
    assert_int_equal(f->c.close_flags, GOEVD_CLOSE_DONE);
    http_fixture_end(f);
}

static void
test_http_ends_close_lingers_when_more_follows(void **state)
{
    struct http_fixture *f = http_fixture_begin();

    (void)state;
    http_fixture_send(f, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nGET");
    assert_true(f->c.closed);
    assert_int_equal(f->c.close_flags, GOEVD_CLOSE_FLUSH);
    assert_int_equal(http_fixture_sent(f, "HTTP/1.1 "), 1);
    http_fixture_end(f);
}

static void
test_http_ends_error_lingers(void **state)
{
    struct http_fixture *f = http_fixture_begin();

    (void)state;
    http_fixture_send(f, "GET / HTTP/1.1\r\n\r\n");
    assert_true(f->c.closed);
    assert_int_equal(f->c.close_flags, GOEVD_CLOSE_FLUSH);
    assert_int_equal(http_fixture_sent(f, "\r\nConnection: close\r\n"), 1);
    assert_int_equal(http_fixture_refused(f, HTTP_BAD_HOST), 1);
    http_fixture_end(f);
}

static void
test_http_ends_expecting_client_lingers(void **state)
{
    struct http_fixture *f = http_fixture_begin();

    (void)state;
    http_fixture_send(f, "POST /form HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
                         "Content-Length: 5\r\n\r\n");
    assert_true(f->c.closed);
    assert_int_equal(f->c.close_flags, GOEVD_CLOSE_FLUSH);
    assert_int_equal(http_fixture_sent(f, "\r\nConnection: close\r\n"), 1);
    http_fixture_end(f);
}

static void
test_http_ends_full_buffer_gets_431_or_414(void **state)
{
    struct http_fixture *f = http_fixture_begin();

    (void)state;
    f->c.in_max = 64;
    http_fixture_send(f,
                      "GET / HTTP/1.1\r\nHost: a\r\nX: 0123456789012345678901234567890123456789");
    assert_int_equal(http_fixture_sent(f, "HTTP/1.1 431 "), 1);
    assert_true(f->c.closed);
    http_conn_fini(&f->c);
    http_conn_init(&f->c, &f->host);
    f->c.in_max = 64;
    http_fixture_send(f, "GET /0123456789012345678901234567890123456789012345678901234567890");
    assert_int_equal(http_fixture_sent(f, "HTTP/1.1 414 "), 1);
    assert_true(f->c.closed);
    http_fixture_end(f);
}

static void
test_http_ends_eof_between_requests_closes(void **state)
{
    struct http_fixture *f = http_fixture_begin();

    (void)state;
    http_fixture_send(f, GET);
    http_conn_clear(&f->c);
    http_conn_eof(&f->c);
    assert_true(f->c.closed);
    assert_int_equal(f->c.close_flags, GOEVD_CLOSE_DONE);
    assert_int_equal(f->c.out_len, 0);
    http_fixture_end(f);
}

static void
test_http_ends_eof_within_a_request_gets_400(void **state)
{
    struct http_fixture *f = http_fixture_begin();

    (void)state;
    http_fixture_send(f, "GET / HTTP/1.1\r\n");
    http_conn_eof(&f->c);
    assert_int_equal(http_fixture_sent(f, "HTTP/1.1 400 "), 1);
    assert_true(f->c.closed);
    http_fixture_end(f);
}

static void
test_http_ends_eof_waits_for_held_back_requests(void **state)
{
    struct http_fixture *f = http_fixture_begin();

    (void)state;
    f->c.high = 100;
    f->c.cap = 300;
    http_fixture_send(f, GET GET GET);
    http_conn_eof(&f->c);
    assert_false(f->c.closed);
    while (!f->c.closed)
        http_conn_drain(&f->c);
    assert_int_equal(http_fixture_sent(f, "200 OK"), 3);
    assert_int_equal(f->c.close_flags, GOEVD_CLOSE_DONE);
    http_fixture_end(f);
}

static void
test_http_ends_eof_waits_for_requests_without_a_turn(void **state)
{
    static const char many[] = GET GET GET;
    const size_t two = 2 * strlen(GET);
    struct http_options o = http_fixture_options();
    struct http_fixture *f;

    (void)state;
    o.pipeline_max = 2;
    f = http_fixture_begin_with(o);
    assert_int_equal(
        f->host.stream->on_read(&f->c, f->c.state, many, sizeof(many) - 1, 0, GOEVD_READ_EOF), two);
    assert_true(f->c.again);
    http_conn_eof(&f->c);
    assert_false(f->c.closed);
    assert_int_equal(f->host.stream->on_read(&f->c, f->c.state, many + two, sizeof(many) - 1 - two,
                                             sizeof(many) - 1 - two, GOEVD_READ_EOF),
                     sizeof(many) - 1 - two);
    assert_int_equal(http_fixture_sent(f, "200 OK"), 3);
    assert_true(f->c.closed);
    http_fixture_end(f);
}

/* Idle, as the connection is: stop_grace is the deadline. */
static struct http_fixture *
http_ends_stop_idle(void)
{
    struct http_fixture *f = http_fixture_begin();

    http_fixture_send(f, GET);
    assert_int_equal(f->host.stream->on_stop(&f->c, f->c.state), 0);
    assert_false(f->c.closed);
    assert_int_equal(f->c.deadline, 1000000000);
    return f;
}

static void
test_http_ends_stop_closes_an_idle_connection_after_stop_grace(void **state)
{
    struct http_fixture *f = http_ends_stop_idle();

    (void)state;
    f->host.stream->on_timeout(&f->c, f->c.state, GOEVD_DEADLINE);
    assert_int_equal(http_fixture_sent(f, "HTTP/1.1"), 1);
    assert_true(f->c.closed);
    http_fixture_end(f);
}

static void
test_http_ends_stop_answers_what_an_idle_connection_brings(void **state)
{
    struct http_fixture *f = http_ends_stop_idle();

    (void)state;
    http_fixture_send(f, GET);
    assert_int_equal(http_fixture_sent(f, "200 OK"), 2);
    assert_int_equal(http_fixture_sent(f, "\r\nConnection: close\r\n"), 1);
    assert_true(f->c.closed);
    http_fixture_end(f);
}

static void
test_http_ends_stop_lets_a_begun_request_finish(void **state)
{
    struct http_fixture *f = http_fixture_begin();

    (void)state;
    http_fixture_send(f, "GET / HTTP/1.1\r\n");
    assert_int_equal(f->host.stream->on_stop(&f->c, f->c.state), 0);
    assert_false(f->c.closed);
    http_fixture_send(f, "Host: a\r\n\r\n");
    assert_int_equal(http_fixture_sent(f, "200 OK"), 1);
    assert_int_equal(http_fixture_sent(f, "\r\nConnection: close\r\n"), 1);
    assert_true(f->c.closed);
    http_fixture_end(f);
}

static void
test_http_ends_stop_lets_a_body_finish(void **state)
{
    struct http_fixture *f = http_fixture_begin();

    (void)state;
    http_fixture_send(f, "POST /form HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe");
    assert_int_equal(f->host.stream->on_stop(&f->c, f->c.state), 0);
    assert_false(f->c.closed);
    http_fixture_send(f, "llo");
    assert_int_equal(http_fixture_sent(f, "\r\nConnection: close\r\n"), 1);
    assert_true(f->c.closed);
    http_fixture_end(f);
}

static void
test_http_ends_state_is_zero_between_requests(void **state)
{
    static const struct goevd_conn fresh;
    struct http_fixture *f = http_fixture_begin();

    (void)state;
    assert_true(f->host.stream->conn_size <= 16);
    for (const char *p = GET "POST /form HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                             "3\r\nabc\r\n0\r\n\r\n";
         *p != '\0'; p++)
        http_conn_feed(&f->c, p, 1);
    assert_int_equal(http_fixture_sent(f, "200 OK"), 2);
    /* but for `body`, which the next body sets */
    assert_memory_equal(f->c.state, fresh.state, 8);
    assert_int_equal(((const uint16_t *)(const void *)f->c.state)[7], 0);
    http_fixture_end(f);
}

#define TEST(name) cmocka_unit_test(test_http_ends_##name)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(deadline_runs_while_a_head_is_incomplete),
        TEST(next_head_has_its_own_time),
        TEST(408_when_a_head_is_late),
        TEST(closes_silently_when_no_request_began),
        TEST(408_when_a_body_is_late),
        TEST(body_lifts_the_deadline_of_its_head),
        TEST(close_is_done_when_nothing_follows),
        TEST(close_lingers_when_more_follows),
        TEST(error_lingers),
        TEST(expecting_client_lingers),
        TEST(full_buffer_gets_431_or_414),
        TEST(eof_between_requests_closes),
        TEST(eof_within_a_request_gets_400),
        TEST(eof_waits_for_held_back_requests),
        TEST(eof_waits_for_requests_without_a_turn),
        TEST(stop_closes_an_idle_connection_after_stop_grace),
        TEST(stop_answers_what_an_idle_connection_brings),
        TEST(stop_lets_a_begun_request_finish),
        TEST(stop_lets_a_body_finish),
        TEST(state_is_zero_between_requests),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
