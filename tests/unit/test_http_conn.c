/* The http plugin's connections: what it sends, when it closes, which deadline runs. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "http/instance.h"
#include "http_host.h"

#define STR(text) {text, sizeof(text) - 1}
#define GET "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
#define HEADER_TIMEOUT UINT64_C(10000000000)
#define BODY_TIMEOUT UINT64_C(30000000000)

static char long_body[20000];

static const struct goevd_pair headers[] = {
    {STR("Content-Type"), STR("text/html")},
    {STR("X-One"), STR("1")},
};
static const struct options_respond hello = {
    .status = 200, .headers = {headers, 2}, .body = STR("Hello, World!")};
static const struct options_respond large = {.status = 200,
                                             .body = {long_body, sizeof(long_body) - 1}};
static const struct options_respond gone = {.status = 410};
static const struct options_redirect to_root = {.to = STR("/?a#b"), .status = 4};
static const int post[] = {HTTP_POST};

static const struct options_route routes[] = {
    {.path = STR("/"), .respond = &hello},
    {.path = STR("/large"), .respond = &large},
    {.path = STR("/gone"), .respond = &gone},
    {.path = STR("/old/*"), .redirect = &to_root},
    {.path = STR("/form"), .methods = {post, 1}, .respond = &hello},
};

/* One instance with one connection. */
struct fixture {
    struct http_host host;
    struct goevd_conn c;
    struct options options;
};

static struct fixture *
begin_with(struct options options)
{
    struct fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    memset(long_body, 'x', sizeof(long_body) - 1);
    f->options = options;
    assert_int_equal(http_host_init(&f->host, &f->options), 0);
    http_conn_init(&f->c, &f->host);
    return f;
}

static struct fixture *
begin(void)
{
    return begin_with(http_host_options(routes, sizeof(routes) / sizeof(routes[0])));
}

static void
end(struct fixture *f)
{
    http_conn_fini(&f->c);
    http_host_fini(&f->host);
    free(f);
}

static void
send_text(struct fixture *f, const char *text)
{
    http_conn_feed(&f->c, text, strlen(text));
}

/* How often a text occurs in what was sent. */
static unsigned
sent(const struct fixture *f, const char *text)
{
    const char *p = f->c.out;
    const char *stop = p + f->c.out_len;
    unsigned n = 0;

    while (p != NULL && (p = memmem(p, (size_t)(stop - p), text, strlen(text))) != NULL) {
        p += strlen(text);
        n++;
    }
    return n;
}

static const struct http_local *
local(const struct fixture *f)
{
    return f->host.local;
}

static uint64_t
refused(const struct fixture *f, int verdict)
{
    return local(f)->refused[http_verdict_index(verdict)];
}

/* ---- Replies ------------------------------------------------------------------------------- */

static void
test_http_conn_sends_the_whole_reply(void **state)
{
    struct fixture *f = begin();
    char wanted[512];

    (void)state;
    send_text(f, GET);
    snprintf(wanted, sizeof(wanted),
             "HTTP/1.1 200 OK\r\nServer: goevd\r\nDate: %.29s\r\nContent-Type: text/html\r\n"
             "X-One: 1\r\nContent-Length: 13\r\n\r\nHello, World!",
             local(f)->canned.date);
    assert_int_equal(f->c.out_len, strlen(wanted));
    assert_memory_equal(f->c.out, wanted, strlen(wanted));
    assert_int_equal(local(f)->replies, 1);
    assert_false(f->c.closed);
    end(f);
}

static void
test_http_conn_head_gets_the_head_of_get(void **state)
{
    struct fixture *f = begin();
    char *get;
    size_t len;

    (void)state;
    send_text(f, GET);
    len = f->c.out_len - strlen("Hello, World!");
    get = f->c.out;
    f->c.out = NULL;
    f->c.out_room = 0;
    http_conn_clear(&f->c);
    send_text(f, "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(f->c.out_len, len);
    assert_memory_equal(f->c.out, get, len);
    free(get);
    end(f);
}

static void
test_http_conn_leaves_server_out_when_empty(void **state)
{
    struct options o = http_host_options(routes, 1);
    struct fixture *f;

    (void)state;
    o.server = (struct goevd_str){"", 0};
    f = begin_with(o);
    send_text(f, GET);
    assert_int_equal(sent(f, "Server"), 0);
    assert_int_equal(sent(f, "200 OK\r\nDate: "), 1);
    end(f);
}

static void
test_http_conn_long_body_is_handed_over(void **state)
{
    struct fixture *f = begin();

    (void)state;
    send_text(f, "GET /large HTTP/1.1\r\nHost: a\r\n\r\n" GET);
    assert_int_equal(sent(f, "Content-Length: 19999\r\n"), 1);
    assert_int_equal(sent(f, long_body), 1);
    assert_int_equal(sent(f, "Hello, World!"), 1);
    http_conn_clear(&f->c);
    send_text(f, "HEAD /large HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(sent(f, "Content-Length: 19999\r\n"), 1);
    assert_true(f->c.out_len < 400);
    end(f);
}

static void
test_http_conn_redirects(void **state)
{
    struct fixture *f = begin();

    (void)state;
    send_text(f, "GET /old/x HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(sent(f, "HTTP/1.1 308 Permanent Redirect\r\n"), 1);
    assert_int_equal(sent(f, "\r\nLocation: /?a#b\r\nContent-Length: 0\r\n\r\n"), 1);
    end(f);
}

static void
test_http_conn_405_names_what_is_allowed(void **state)
{
    struct fixture *f = begin();

    (void)state;
    send_text(f, "PUT / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(sent(f, "405 Method Not Allowed\r\n"), 1);
    assert_int_equal(sent(f, "\r\nAllow: GET, HEAD\r\n"), 1);
    send_text(f, "GET /form HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(sent(f, "\r\nAllow: POST\r\n"), 1);
    assert_false(f->c.closed);
    end(f);
}

static void
test_http_conn_options_asterisk_names_all_methods(void **state)
{
    struct fixture *f = begin();

    (void)state;
    send_text(f, "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(sent(f, "HTTP/1.1 200 OK\r\n"), 1);
    assert_int_equal(sent(f, "\r\nAllow: GET, HEAD, POST, OPTIONS\r\nContent-Length: 0\r\n"), 1);
    end(f);
}

static void
test_http_conn_tells_1_0_clients_that_it_stays(void **state)
{
    struct fixture *f = begin();

    (void)state;
    send_text(f, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    assert_int_equal(sent(f, "\r\nConnection: keep-alive\r\n"), 1);
    assert_int_equal(sent(f, "HTTP/1.1 200 OK\r\n"), 1);
    assert_false(f->c.closed);
    end(f);
}

/* ---- The Date ------------------------------------------------------------------------------ */

static void
test_http_conn_date_follows_the_timer(void **state)
{
    struct fixture *f = begin();
    struct http_local *l = f->host.local;

    (void)state;
    assert_false(http_host_timer->armed);
    send_text(f, GET);
    assert_true(http_host_timer->armed);
    http_host_timer->fn(http_host_timer, http_host_timer->arg);
    memcpy(l->canned.date, "Sun, 06 Nov 1994 08:49:37 GMT", HTTP_DATE_LEN);
    send_text(f, GET "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(sent(f, "\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"), 2);
    end(f);
}

static void
test_http_conn_timer_rests_when_nobody_asks(void **state)
{
    struct fixture *f = begin();
    struct http_local *l = f->host.local;

    (void)state;
    send_text(f, GET);
    http_host_timer->armed = false;
    http_host_timer->fn(http_host_timer, http_host_timer->arg);
    assert_true(http_host_timer->armed);
    http_host_timer->armed = false;
    http_host_timer->fn(http_host_timer, http_host_timer->arg);
    assert_false(http_host_timer->armed);
    /* the next reply must not carry the date of long ago */
    memcpy(l->canned.date, "Sun, 06 Nov 1994 08:49:37 GMT", HTTP_DATE_LEN);
    send_text(f, GET);
    assert_int_equal(sent(f, "1994"), 0);
    assert_true(http_host_timer->armed);
    end(f);
}

/* ---- Pipelines and backpressure ------------------------------------------------------------ */

static void
test_http_conn_pipeline_is_answered_in_one_call(void **state)
{
    struct fixture *f = begin();
    char many[16 * sizeof(GET)] = "";

    (void)state;
    for (int i = 0; i < 16; i++)
        strcat(many, GET);
    send_text(f, many);
    assert_int_equal(sent(f, "200 OK"), 16);
    assert_int_equal(f->c.reads, 1);
    assert_int_equal(f->c.in_len, 0);
    assert_int_equal(f->c.deadline_calls, 0);
    end(f);
}

static void
test_http_conn_yields_after_pipeline_max(void **state)
{
    struct options o = http_host_options(routes, 1);
    struct fixture *f;

    (void)state;
    o.pipeline_max = 2;
    f = begin_with(o);
    send_text(f, GET GET);
    assert_int_equal(f->c.reads, 1);
    send_text(f, GET GET GET GET GET);
    assert_int_equal(sent(f, "200 OK"), 7);
    assert_int_equal(f->c.reads, 4);
    end(f);
}

static void
test_http_conn_waits_at_the_high_mark(void **state)
{
    struct fixture *f = begin();
    char many[600 * sizeof(GET)] = "";
    unsigned rounds = 0;

    (void)state;
    f->c.high = 1000;
    for (int i = 0; i < 600; i++)
        memcpy(many + (size_t)i * strlen(GET), GET, sizeof(GET));
    send_text(f, many);
    while (f->c.in_len != 0) {
        /* one reservation may pass the mark, not two */
        assert_true(f->c.queued <= 1000 + 16384);
        assert_true(f->c.above);
        http_conn_drain(&f->c);
        assert_true(++rounds < 100);
    }
    assert_true(rounds > 3);
    assert_int_equal(sent(f, "200 OK"), 600);
    end(f);
}

static void
test_http_conn_waits_at_the_cap(void **state)
{
    struct fixture *f = begin();

    (void)state;
    f->c.high = 100;
    f->c.cap = 400;
    send_text(f, GET GET GET GET GET);
    assert_int_equal(sent(f, "200 OK"), 1 + (f->c.out_len > 300));
    while (f->c.in_len != 0) {
        size_t before = f->c.in_len;

        http_conn_drain(&f->c);
        assert_true(f->c.in_len < before);
    }
    assert_int_equal(sent(f, "200 OK"), 5);
    assert_false(f->c.closed);
    end(f);
}

static void
test_http_conn_answer_to_a_body_waits_too(void **state)
{
    struct fixture *f = begin();

    (void)state;
    f->c.high = 100;
    f->c.cap = 200;
    send_text(f, GET);
    assert_true(f->c.above);
    /* the host would have paused; these bytes were read before */
    f->c.above = false;
    send_text(f, "POST /form HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi");
    assert_int_equal(sent(f, "200 OK"), 1);
    assert_int_equal(f->c.in_len, 0);
    f->c.above = true;
    http_conn_drain(&f->c);
    assert_int_equal(sent(f, "200 OK"), 2);
    send_text(f, "");
    http_conn_drain(&f->c);
    send_text(f, GET);
    assert_int_equal(sent(f, "200 OK"), 3);
    end(f);
}

static void
test_http_conn_reply_larger_than_the_cap_closes(void **state)
{
    struct fixture *f = begin();

    (void)state;
    f->c.cap = 50;
    send_text(f, GET);
    assert_true(f->c.closed);
    assert_int_equal(f->c.out_len, 0);
    end(f);
}

/* ---- Deadlines ----------------------------------------------------------------------------- */

static void
test_http_conn_deadline_runs_while_a_head_is_incomplete(void **state)
{
    struct fixture *f = begin();

    (void)state;
    send_text(f, "GET / HT");
    assert_int_equal(f->c.deadline, HEADER_TIMEOUT);
    send_text(f, "TP/1.1\r\n");
    send_text(f, "Host: a\r\n");
    /* more bytes of the same head give it no more time */
    assert_int_equal(f->c.deadline_calls, 1);
    send_text(f, "\r\n");
    assert_int_equal(f->c.deadline, 0);
    assert_int_equal(sent(f, "200 OK"), 1);
    end(f);
}

static void
test_http_conn_next_head_has_its_own_time(void **state)
{
    struct fixture *f = begin();

    (void)state;
    send_text(f, "GET / HT");
    send_text(f, "TP/1.1\r\nHost: a\r\n\r\nGET");
    assert_int_equal(f->c.deadline_calls, 2);
    assert_int_equal(f->c.deadline, HEADER_TIMEOUT);
    end(f);
}

static void
test_http_conn_408_when_a_head_is_late(void **state)
{
    struct fixture *f = begin();

    (void)state;
    send_text(f, "GET / HT");
    assert_int_equal(f->host.stream->on_timeout(&f->c, f->c.state, GOEVD_DEADLINE), 0);
    assert_int_equal(sent(f, "HTTP/1.1 408 Request Timeout\r\n"), 1);
    assert_int_equal(sent(f, "\r\nConnection: close\r\n"), 1);
    assert_true(f->c.closed);
    assert_int_equal(refused(f, HTTP_LATE_HEAD), 1);
    end(f);
}

static void
test_http_conn_closes_silently_when_no_request_began(void **state)
{
    struct fixture *f = begin();

    (void)state;
    send_text(f, "\r\n");
    assert_int_equal(f->c.deadline, HEADER_TIMEOUT);
    f->host.stream->on_timeout(&f->c, f->c.state, GOEVD_DEADLINE);
    assert_int_equal(f->c.out_len, 0);
    assert_true(f->c.closed);
    end(f);
}

static void
test_http_conn_408_when_a_body_is_late(void **state)
{
    struct fixture *f = begin();

    (void)state;
    send_text(f, "POST /form HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe");
    assert_int_equal(f->c.deadline, BODY_TIMEOUT);
    send_text(f, "ll");
    assert_int_equal(f->c.deadline_calls, 1);
    f->host.stream->on_timeout(&f->c, f->c.state, GOEVD_DEADLINE);
    assert_int_equal(sent(f, "HTTP/1.1 408 Request Timeout\r\n"), 1);
    assert_true(f->c.closed);
    assert_int_equal(refused(f, HTTP_LATE_BODY), 1);
    end(f);
}

static void
test_http_conn_body_lifts_the_deadline_of_its_head(void **state)
{
    struct fixture *f = begin();

    (void)state;
    send_text(f, "POST /form HTTP/1.1\r\nHost: a\r\n");
    send_text(f, "Content-Length: 5\r\n\r\nhe");
    assert_int_equal(f->c.deadline, BODY_TIMEOUT);
    send_text(f, "llo");
    assert_int_equal(f->c.deadline, 0);
    assert_int_equal(sent(f, "200 OK"), 1);
    end(f);
}

/* ---- Ends ---------------------------------------------------------------------------------- */

static void
test_http_conn_close_is_done_when_nothing_follows(void **state)
{
    struct fixture *f = begin();

    (void)state;
    send_text(f, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert_true(f->c.closed);
    assert_int_equal(f->c.close_flags, GOEVD_CLOSE_DONE);
    end(f);
}

static void
test_http_conn_close_lingers_when_more_follows(void **state)
{
    struct fixture *f = begin();

    (void)state;
    send_text(f, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nGET");
    assert_true(f->c.closed);
    assert_int_equal(f->c.close_flags, GOEVD_CLOSE_FLUSH);
    assert_int_equal(sent(f, "HTTP/1.1 "), 1);
    end(f);
}

static void
test_http_conn_error_lingers(void **state)
{
    struct fixture *f = begin();

    (void)state;
    send_text(f, "GET / HTTP/1.1\r\n\r\n");
    assert_true(f->c.closed);
    assert_int_equal(f->c.close_flags, GOEVD_CLOSE_FLUSH);
    assert_int_equal(sent(f, "\r\nConnection: close\r\n"), 1);
    assert_int_equal(refused(f, HTTP_BAD_HOST), 1);
    end(f);
}

static void
test_http_conn_expecting_client_lingers(void **state)
{
    struct fixture *f = begin();

    (void)state;
    send_text(f, "POST /form HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
                 "Content-Length: 5\r\n\r\n");
    assert_true(f->c.closed);
    assert_int_equal(f->c.close_flags, GOEVD_CLOSE_FLUSH);
    assert_int_equal(sent(f, "\r\nConnection: close\r\n"), 1);
    end(f);
}

static void
test_http_conn_full_buffer_gets_431_or_414(void **state)
{
    struct fixture *f = begin();

    (void)state;
    f->c.in_max = 64;
    send_text(f, "GET / HTTP/1.1\r\nHost: a\r\nX: 0123456789012345678901234567890123456789");
    assert_int_equal(sent(f, "HTTP/1.1 431 "), 1);
    assert_true(f->c.closed);
    http_conn_fini(&f->c);
    http_conn_init(&f->c, &f->host);
    f->c.in_max = 64;
    send_text(f, "GET /0123456789012345678901234567890123456789012345678901234567890");
    assert_int_equal(sent(f, "HTTP/1.1 414 "), 1);
    assert_true(f->c.closed);
    end(f);
}

static void
test_http_conn_eof_between_requests_closes(void **state)
{
    struct fixture *f = begin();

    (void)state;
    send_text(f, GET);
    http_conn_clear(&f->c);
    http_conn_eof(&f->c);
    assert_true(f->c.closed);
    assert_int_equal(f->c.close_flags, GOEVD_CLOSE_DONE);
    assert_int_equal(f->c.out_len, 0);
    end(f);
}

static void
test_http_conn_eof_within_a_request_gets_400(void **state)
{
    struct fixture *f = begin();

    (void)state;
    send_text(f, "GET / HTTP/1.1\r\n");
    http_conn_eof(&f->c);
    assert_int_equal(sent(f, "HTTP/1.1 400 "), 1);
    assert_true(f->c.closed);
    end(f);
}

static void
test_http_conn_eof_waits_for_held_back_requests(void **state)
{
    struct fixture *f = begin();

    (void)state;
    f->c.high = 100;
    f->c.cap = 300;
    send_text(f, GET GET GET);
    http_conn_eof(&f->c);
    assert_false(f->c.closed);
    while (!f->c.closed)
        http_conn_drain(&f->c);
    assert_int_equal(sent(f, "200 OK"), 3);
    assert_int_equal(f->c.close_flags, GOEVD_CLOSE_DONE);
    end(f);
}

static void
test_http_conn_stop_closes_an_idle_connection(void **state)
{
    struct fixture *f = begin();

    (void)state;
    send_text(f, GET);
    assert_int_equal(f->host.stream->on_stop(&f->c, f->c.state), 0);
    assert_true(f->c.closed);
    end(f);
}

static void
test_http_conn_stop_lets_a_begun_request_finish(void **state)
{
    struct fixture *f = begin();

    (void)state;
    send_text(f, "GET / HTTP/1.1\r\n");
    assert_int_equal(f->host.stream->on_stop(&f->c, f->c.state), 0);
    assert_false(f->c.closed);
    send_text(f, "Host: a\r\n\r\n");
    assert_int_equal(sent(f, "200 OK"), 1);
    assert_int_equal(sent(f, "\r\nConnection: close\r\n"), 1);
    assert_true(f->c.closed);
    end(f);
}

static void
test_http_conn_stop_lets_a_body_finish(void **state)
{
    struct fixture *f = begin();

    (void)state;
    send_text(f, "POST /form HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe");
    assert_int_equal(f->host.stream->on_stop(&f->c, f->c.state), 0);
    assert_false(f->c.closed);
    send_text(f, "llo");
    assert_int_equal(sent(f, "\r\nConnection: close\r\n"), 1);
    assert_true(f->c.closed);
    end(f);
}

static void
test_http_conn_state_is_zero_between_requests(void **state)
{
    static const struct goevd_conn fresh;
    struct fixture *f = begin();

    (void)state;
    assert_true(f->host.stream->conn_size <= 16);
    for (const char *p = GET "POST /form HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                             "3\r\nabc\r\n0\r\n\r\n"; *p != '\0'; p++)
        http_conn_feed(&f->c, p, 1);
    assert_int_equal(sent(f, "200 OK"), 2);
    /* but for `body`, which the next body sets */
    assert_memory_equal(f->c.state, fresh.state, 8);
    assert_int_equal(((const uint16_t *)(const void *)f->c.state)[7], 0);
    end(f);
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
        TEST(reply_larger_than_the_cap_closes),
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
        TEST(stop_closes_an_idle_connection),
        TEST(stop_lets_a_begun_request_finish),
        TEST(stop_lets_a_body_finish),
        TEST(state_is_zero_between_requests),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
