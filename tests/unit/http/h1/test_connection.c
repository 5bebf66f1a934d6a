/* The http plugin's connections: their output, its calls, and how they wait. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "unit/http/http_fixture.h"

/* ---- Replies --------------------------------------------------------------------------------- */

static void
test_http_conn_sends_the_whole_reply(void **state)
{
    struct http_fixture *f = http_fixture_begin();
    char wanted[512];

    (void)state;
    http_fixture_send(f, GET);
    snprintf(wanted, sizeof(wanted),
             "HTTP/1.1 200 OK\r\nServer: goevd\r\nDate: %.29s\r\nContent-Type: text/html\r\n"
             "X-One: 1\r\nContent-Length: 13\r\n\r\nHello, World!",
             http_fixture_local(f)->prerendered.date);
    assert_int_equal(f->c.out_len, strlen(wanted));
    assert_memory_equal(f->c.out, wanted, strlen(wanted));
    assert_int_equal(http_fixture_local(f)->replies, 1);
    assert_false(f->c.closed);
    http_fixture_end(f);
}

static void
test_http_conn_head_gets_the_head_of_get(void **state)
{
    struct http_fixture *f = http_fixture_begin();
    char *get;
    size_t len;

    (void)state;
    http_fixture_send(f, GET);
    len = f->c.out_len - strlen("Hello, World!");
    get = f->c.out;
    f->c.out = NULL;
    f->c.out_room = 0;
    http_conn_clear(&f->c);
    http_fixture_send(f, "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(f->c.out_len, len);
    assert_memory_equal(f->c.out, get, len);
    free(get);
    http_fixture_end(f);
}

static void
test_http_conn_leaves_server_out_when_empty(void **state)
{
    struct http_options o = http_fixture_options();
    struct http_fixture *f;

    (void)state;
    o.server = (struct goevd_str){"", 0};
    f = http_fixture_begin_with(o);
    http_fixture_send(f, GET);
    assert_int_equal(http_fixture_sent(f, "Server"), 0);
    assert_int_equal(http_fixture_sent(f, "200 OK\r\nDate: "), 1);
    http_fixture_end(f);
}

static void
test_http_conn_long_body_is_handed_over(void **state)
{
    struct http_fixture *f = http_fixture_begin();

    (void)state;
    http_fixture_send(f, "GET /large HTTP/1.1\r\nHost: a\r\n\r\n" GET);
    assert_int_equal(http_fixture_sent(f, "Content-Length: 19999\r\n"), 1);
    assert_int_equal(http_fixture_sent(f, http_fixture_long_body), 1);
    assert_int_equal(http_fixture_sent(f, "Hello, World!"), 1);
    http_conn_clear(&f->c);
    http_fixture_send(f, "HEAD /large HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(http_fixture_sent(f, "Content-Length: 19999\r\n"), 1);
    assert_true(f->c.out_len < 400);
    http_fixture_end(f);
}

static void
test_http_conn_redirects(void **state)
{
    struct http_fixture *f = http_fixture_begin();

    (void)state;
    http_fixture_send(f, "GET /old/x HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(http_fixture_sent(f, "HTTP/1.1 308 Permanent Redirect\r\n"), 1);
    assert_int_equal(http_fixture_sent(f, "\r\nLocation: /?a#b\r\nContent-Length: 0\r\n\r\n"), 1);
    http_fixture_end(f);
}

static void
test_http_conn_405_names_what_is_allowed(void **state)
{
    struct http_fixture *f = http_fixture_begin();

    (void)state;
    http_fixture_send(f, "PUT / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(http_fixture_sent(f, "405 Method Not Allowed\r\n"), 1);
    assert_int_equal(http_fixture_sent(f, "\r\nAllow: GET, HEAD\r\n"), 1);
    http_fixture_send(f, "GET /form HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(http_fixture_sent(f, "\r\nAllow: POST\r\n"), 1);
    assert_false(f->c.closed);
    http_fixture_end(f);
}

static void
test_http_conn_options_asterisk_names_all_methods(void **state)
{
    struct http_fixture *f = http_fixture_begin();

    (void)state;
    http_fixture_send(f, "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(http_fixture_sent(f, "HTTP/1.1 200 OK\r\n"), 1);
    assert_int_equal(
        http_fixture_sent(f, "\r\nAllow: GET, HEAD, POST, OPTIONS\r\nContent-Length: 0\r\n"), 1);
    http_fixture_end(f);
}

static void
test_http_conn_tells_1_0_clients_that_it_stays(void **state)
{
    struct http_fixture *f = http_fixture_begin();

    (void)state;
    http_fixture_send(f, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    assert_int_equal(http_fixture_sent(f, "\r\nConnection: keep-alive\r\n"), 1);
    assert_int_equal(http_fixture_sent(f, "HTTP/1.1 200 OK\r\n"), 1);
    assert_false(f->c.closed);
    http_fixture_end(f);
}

/* ---- The Date -------------------------------------------------------------------------------- */

static void
test_http_conn_date_follows_the_timer(void **state)
{
    struct http_fixture *f = http_fixture_begin();
    struct http_h1_local *l = ((struct http_local *)f->host.local)->h1;

    (void)state;
    assert_false(http_host_timer->armed);
    http_fixture_send(f, GET);
    assert_true(http_host_timer->armed);
    http_host_timer->fn(http_host_timer, http_host_timer->arg);
    memcpy(l->prerendered.date, "Sun, 06 Nov 1994 08:49:37 GMT", HTTP_DATE_LEN);
    http_fixture_send(f, GET "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(http_fixture_sent(f, "\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"), 2);
    http_fixture_end(f);
}

static void
test_http_conn_timer_rests_when_nobody_asks(void **state)
{
    struct http_fixture *f = http_fixture_begin();
    struct http_h1_local *l = ((struct http_local *)f->host.local)->h1;

    (void)state;
    http_fixture_send(f, GET);
    http_host_timer->armed = false;
    http_host_timer->fn(http_host_timer, http_host_timer->arg);
    assert_true(http_host_timer->armed);
    http_host_timer->armed = false;
    http_host_timer->fn(http_host_timer, http_host_timer->arg);
    assert_false(http_host_timer->armed);
    /* the next reply must not carry the date of long ago */
    memcpy(l->prerendered.date, "Sun, 06 Nov 1994 08:49:37 GMT", HTTP_DATE_LEN);
    http_fixture_send(f, GET);
    assert_int_equal(http_fixture_sent(f, "1994"), 0);
    assert_true(http_host_timer->armed);
    http_fixture_end(f);
}

/* ---- Pipelines and backpressure -------------------------------------------------------------- */

static void
test_http_conn_pipeline_is_answered_in_one_call(void **state)
{
    struct http_fixture *f = http_fixture_begin();
    char many[16 * sizeof(GET)] = "";

    (void)state;
    for (int i = 0; i < 16; i++)
        strcat(many, GET);
    http_fixture_send(f, many);
    assert_int_equal(http_fixture_sent(f, "200 OK"), 16);
    assert_int_equal(f->c.reads, 1);
    assert_int_equal(f->c.in_len, 0);
    assert_int_equal(f->c.deadline_calls, 0);
    http_fixture_end(f);
}

static void
test_http_conn_yields_after_pipeline_max(void **state)
{
    struct http_options o = http_fixture_options();
    struct http_fixture *f;

    (void)state;
    o.pipeline_max = 2;
    f = http_fixture_begin_with(o);
    http_fixture_send(f, GET GET);
    assert_int_equal(f->c.reads, 1);
    http_fixture_send(f, GET GET GET GET GET);
    assert_int_equal(http_fixture_sent(f, "200 OK"), 7);
    assert_int_equal(f->c.reads, 4);
    http_fixture_end(f);
}

static void
test_http_conn_waits_at_the_high_mark(void **state)
{
    struct http_fixture *f = http_fixture_begin();
    char many[600 * sizeof(GET)] = "";
    unsigned rounds = 0;

    (void)state;
    f->c.high = 1000;
    for (int i = 0; i < 600; i++)
        memcpy(many + (size_t)i * strlen(GET), GET, sizeof(GET));
    http_fixture_send(f, many);
    while (f->c.in_len != 0) {
        /* one reservation may pass the mark, not two */
        assert_true(f->c.queued <= 1000 + 16384);
        assert_true(f->c.above);
        http_conn_drain(&f->c);
        assert_true(++rounds < 100);
    }
    assert_true(rounds > 3);
    assert_int_equal(http_fixture_sent(f, "200 OK"), 600);
    http_fixture_end(f);
}

static void
test_http_conn_waits_at_the_cap(void **state)
{
    struct http_fixture *f = http_fixture_begin();

    (void)state;
    f->c.high = 100;
    f->c.cap = 400;
    http_fixture_send(f, GET GET GET GET GET);
    assert_int_equal(http_fixture_sent(f, "200 OK"), 1 + (f->c.out_len > 300));
    while (f->c.in_len != 0) {
        size_t before = f->c.in_len;

        http_conn_drain(&f->c);
        assert_true(f->c.in_len < before);
    }
    assert_int_equal(http_fixture_sent(f, "200 OK"), 5);
    assert_false(f->c.closed);
    http_fixture_end(f);
}

static void
test_http_conn_answer_to_a_body_waits_too(void **state)
{
    struct http_fixture *f = http_fixture_begin();

    (void)state;
    f->c.high = 100;
    f->c.cap = 200;
    http_fixture_send(f, GET);
    assert_true(f->c.above);
    /* the host would have paused; these bytes were read before */
    f->c.above = false;
    http_fixture_send(f, "POST /form HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi");
    assert_int_equal(http_fixture_sent(f, "200 OK"), 1);
    assert_int_equal(f->c.in_len, 0);
    f->c.above = true;
    http_conn_drain(&f->c);
    assert_int_equal(http_fixture_sent(f, "200 OK"), 2);
    http_fixture_send(f, "");
    http_conn_drain(&f->c);
    http_fixture_send(f, GET);
    assert_int_equal(http_fixture_sent(f, "200 OK"), 3);
    http_fixture_end(f);
}

static void
test_http_conn_cap_below_every_piece_closes(void **state)
{
    struct http_fixture *f = http_fixture_begin();

    (void)state;
    f->c.cap = 50;
    http_fixture_send(f, GET);
    assert_true(f->c.closed);
    assert_int_equal(f->c.out_len, 0);
    http_fixture_end(f);
}

#define TEST(name) cmocka_unit_test(test_http_conn_##name)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(sends_the_whole_reply),
        TEST(head_gets_the_head_of_get),
        TEST(leaves_server_out_when_empty),
        TEST(long_body_is_handed_over),
        TEST(redirects),
        TEST(405_names_what_is_allowed),
        TEST(options_asterisk_names_all_methods),
        TEST(tells_1_0_clients_that_it_stays),
        TEST(date_follows_the_timer),
        TEST(timer_rests_when_nobody_asks),
        TEST(pipeline_is_answered_in_one_call),
        TEST(yields_after_pipeline_max),
        TEST(waits_at_the_high_mark),
        TEST(waits_at_the_cap),
        TEST(answer_to_a_body_waits_too),
        TEST(cap_below_every_piece_closes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
