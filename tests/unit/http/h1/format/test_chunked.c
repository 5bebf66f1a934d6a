/* The chunked decoder: the same content and the same verdict however the bytes are cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "http/h1/format/chunked.h"

#define CONTENT_MAX 65536

/* Decode in pieces. Returns the bytes consumed once it is done, -EAGAIN, or a verdict. */
static ssize_t
decode(const char *text, size_t len, size_t piece, char *content, size_t *ret_content_len)
{
    struct http_chunked d = {0};
    size_t at = 0;

    *ret_content_len = 0;
    while (at < len && !http_chunked_done(&d)) {
        struct http_span data;
        size_t n = len - at < piece ? len - at : piece;
        ssize_t r = http_chunked_read(&d, text + at, n, &data);

        if (r < 0)
            return r;
        assert_in_range(r, 1, n);
        assert_true(data.len <= (size_t)r);
        assert_true(*ret_content_len + data.len <= CONTENT_MAX);
        memcpy(content + *ret_content_len, data.data, data.len);
        *ret_content_len += data.len;
        at += (size_t)r;
    }
    return http_chunked_done(&d) ? (ssize_t)at : -EAGAIN;
}

static void
check(const char *text, size_t len, ssize_t result, const char *wanted)
{
    static char content[CONTENT_MAX];
    size_t n;

    for (size_t piece = 1; piece <= len; piece = piece < 9 ? piece + 1 : piece * 3) {
        ssize_t r = decode(text, len, piece, content, &n);

        if (r != result)
            fail_msg("%s in pieces of %zu: %zd instead of %zd", text, piece, r, result);
        if (wanted != NULL) {
            assert_int_equal(n, strlen(wanted));
            assert_memory_equal(content, wanted, n);
        }
    }
}

static void
test_http_chunked_joins_chunks(void **state)
{
    static const char text[] = "5\r\nhello\r\n1;x=\"y\"\r\n \r\n0A\r\n0123456789\r\n"
                               "000;z\r\nSum: 1\r\n\r\nGET";

    (void)state;
    check(text, sizeof(text) - 1, sizeof(text) - 1 - 3, "hello 0123456789");
}

static void
test_http_chunked_waits_for_the_end(void **state)
{
    static const char text[] = "3\r\nabc\r\n0\r\nA: b\r\n\r\n";

    (void)state;
    for (size_t len = 1; len < sizeof(text) - 1; len++)
        check(text, len, -EAGAIN, NULL);
    check(text, sizeof(text) - 1, sizeof(text) - 1, "abc");
}

static void
test_http_chunked_refuses_sizes_that_overflow(void **state)
{
    static const char most[] = "fffffffffff\r\nx";
    static const char more[] = "100000000000\r\nx";

    (void)state;
    check(most, sizeof(most) - 1, -EAGAIN, "x");
    check(more, sizeof(more) - 1, HTTP_BAD_CHUNK, NULL);
}

static void
test_http_chunked_says_what_is_to_come(void **state)
{
    struct http_chunked d = {0};
    struct http_span data;

    (void)state;
    assert_int_equal(http_chunked_read(&d, "10", 2, &data), 2);
    assert_int_equal(http_chunked_known(&d), 0);
    assert_int_equal(http_chunked_read(&d, "\r\n", 2, &data), 2);
    assert_int_equal(http_chunked_known(&d), 16);
    assert_int_equal(http_chunked_read(&d, "abc", 3, &data), 3);
    assert_int_equal(http_chunked_known(&d), 13);
}

/* A body of n bytes that are not content; the parts of `before` and `after` count too. */
static ssize_t
with_overhead(const char *before, char filler, size_t n, const char *after)
{
    size_t len = strlen(before) + n + strlen(after);
    char *text = malloc(len + 1);
    char content[16];
    size_t content_len;
    ssize_t r;

    assert_non_null(text);
    memset(text, filler, len);
    memcpy(text, before, strlen(before));
    memcpy(text + strlen(before) + n, after, strlen(after));
    r = decode(text, len, len, content, &content_len);
    free(text);
    return r == (ssize_t)len ? 0 : r;
}

static void
test_http_chunked_bounds_what_is_not_content(void **state)
{
    const size_t max = HTTP_CHUNKED_OVERHEAD_MAX;

    (void)state;
    /* an extension, and the CR of the last line counts as a trailer */
    assert_int_equal(with_overhead("0;", 'x', max - 1, "\r\n\r\n"), 0);
    assert_int_equal(with_overhead("0;", 'x', max, "\r\n\r\n"), HTTP_LARGE_TRAILERS);
    assert_int_equal(with_overhead("0", '0', max - 1, "\r\n\r\n"), 0);
    assert_int_equal(with_overhead("0", '0', max, "\r\n\r\n"), HTTP_LARGE_TRAILERS);
    /* "A:" and its CR LF, and the last CR */
    assert_int_equal(with_overhead("0\r\nA:", 'x', max - 5, "\r\n\r\n"), 0);
    assert_int_equal(with_overhead("0\r\nA:", 'x', max - 4, "\r\n\r\n"), HTTP_LARGE_TRAILERS);
}

static void
test_http_chunked_refuses_trailers_that_frame_or_route(void **state)
{
    static const char *const bad[] = {"Content-Length",    "content-length", "Transfer-Encoding",
                                      "TRANSFER-ENCODING", "Host",           "X: y\r\nhost"};
    static const char *const good[] = {"Content-Lengt", "Content-Length-", "Hos",
                                       "Hosts",         "-Host",           "Transfer-Encodings",
                                       "Host.",         "Connection"};
    char text[128];
    int len;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        len = snprintf(text, sizeof(text), "0\r\n%s: 1\r\n\r\n", bad[i]);
        check(text, (size_t)len, HTTP_BAD_TRAILER, NULL);
    }
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        len = snprintf(text, sizeof(text), "0\r\n%s: 1\r\n\r\n", good[i]);
        check(text, (size_t)len, len, "");
    }
}

#define TEST(name) cmocka_unit_test(test_http_chunked_##name)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(joins_chunks),
        TEST(waits_for_the_end),
        TEST(refuses_sizes_that_overflow),
        TEST(says_what_is_to_come),
        TEST(bounds_what_is_not_content),
        TEST(refuses_trailers_that_frame_or_route),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
