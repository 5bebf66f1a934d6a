/* Heads of replies, and dates. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "http/h1/format/head.h"

#define STR(text)                                                                                  \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }

static const char date[] = "Sun, 06 Nov 1994 08:49:37 GMT";

static void
check(const struct http_reply *reply, struct http_span server, enum http_persist persist,
      const char *wanted)
{
    char head[1024];
    size_t date_at;
    size_t n = http_head_render(head, reply, server, persist, date, &date_at);

    assert_true(n <= http_head_max(reply, server));
    assert_int_equal(n, strlen(wanted));
    assert_memory_equal(head, wanted, n);
    assert_memory_equal(head + date_at, date, HTTP_DATE_LEN);
}

static void
test_http_reply_writes_every_part(void **state)
{
    static const struct http_reply reply = {
        .status = 200, .fields = STR("A: b\r\n"), .body = STR("0123456789")};

    (void)state;
    check(&reply, (struct http_span)STR("goevd"), HTTP_PERSIST,
          "HTTP/1.1 200 OK\r\nServer: goevd\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nA: b\r\n"
          "Content-Length: 10\r\n\r\n");
    check(&reply, (struct http_span){"", 0}, HTTP_PERSIST_CLOSE,
          "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nA: b\r\n"
          "Content-Length: 10\r\nConnection: close\r\n\r\n");
    check(&reply, (struct http_span){"", 0}, HTTP_PERSIST_TOLD,
          "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nA: b\r\n"
          "Content-Length: 10\r\nConnection: keep-alive\r\n\r\n");
}

static void
test_http_reply_without_content_has_no_length(void **state)
{
    static const struct http_reply none = {.status = 204};
    static const struct http_reply same = {.status = 304};
    static const struct http_reply reset = {.status = 205};
    static const struct http_reply odd = {.status = 299};

    (void)state;
    check(&none, (struct http_span){"", 0}, HTTP_PERSIST,
          "HTTP/1.1 204 No Content\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n");
    check(&same, (struct http_span){"", 0}, HTTP_PERSIST,
          "HTTP/1.1 304 Not Modified\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n");
    check(&reset, (struct http_span){"", 0}, HTTP_PERSIST,
          "HTTP/1.1 205 Reset Content\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
          "Content-Length: 0\r\n\r\n");
    /* RFC 9112 section 4: the space stays where the phrase is empty */
    check(&odd, (struct http_span){"", 0}, HTTP_PERSIST,
          "HTTP/1.1 299 \r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 0\r\n\r\n");
}

static void
check_date(int64_t seconds, const char *wanted)
{
    char text[HTTP_DATE_LEN];

    http_date_format(seconds, text);
    assert_memory_equal(text, wanted, HTTP_DATE_LEN);
}

static void
test_http_reply_dates_are_those_of_the_rfc(void **state)
{
    (void)state;
    check_date(784111777, "Sun, 06 Nov 1994 08:49:37 GMT");
    check_date(0, "Thu, 01 Jan 1970 00:00:00 GMT");
    check_date(951782399, "Mon, 28 Feb 2000 23:59:59 GMT");
    check_date(951782400, "Tue, 29 Feb 2000 00:00:00 GMT");
    check_date(1767225599, "Wed, 31 Dec 2025 23:59:59 GMT");
    check_date(INT64_C(4102444800), "Fri, 01 Jan 2100 00:00:00 GMT");
    check_date(-1, "Thu, 01 Jan 1970 00:00:00 GMT");
    check_date(INT64_MAX, "Fri, 31 Dec 9999 23:59:59 GMT");
}

#define TEST(name) cmocka_unit_test(test_http_reply_##name)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(writes_every_part),
        TEST(without_content_has_no_length),
        TEST(dates_are_those_of_the_rfc),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
