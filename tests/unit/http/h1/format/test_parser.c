/* The request parser: spans, limits, and that its fast scans agree with the byte classes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "http/h1/format/parser.h"
#include "http/message/status.h"
#include "http/message/text/chars.h"
#include "http/message/text/scan.h"

#define FIELDS_MAX 128

static const struct http_limits limits = {8192, 16384, 100, 0};

static struct http_request *
new_request(void)
{
    struct http_request *req = calloc(1, sizeof(*req) + FIELDS_MAX * sizeof(struct http_field));

    assert_non_null(req);
    return req;
}

/* Parse from memory of exactly that size. */
static ssize_t
parse(const char *data, size_t len, const struct http_limits *l, struct http_request *req)
{
    struct http_resume resume = {0};

    return http_parse(data, len, l, &resume, req);
}

static void
assert_span(const char *data, size_t len, const char *wanted)
{
    assert_int_equal(len, strlen(wanted));
    assert_memory_equal(data, wanted, len);
}

static void
test_http_parser_finds_all_parts(void **state)
{
    static const char text[] = "POST /a/b?c=d HTTP/1.0\r\nHost: h\r\nContent-Length:5\r\n"
                               "X-Y: \t a b \t\r\nConnection: a\r\nconnection: b\r\n\r\nbody!";
    struct http_request *req = new_request();

    (void)state;
    assert_int_equal(parse(text, sizeof(text) - 1, &limits, req), sizeof(text) - 1 - 5);
    assert_int_equal(req->method, HTTP_POST);
    assert_int_equal(req->flags, HTTP_OLD);
    assert_span(req->target.data, req->target.len, "/a/b?c=d");
    assert_span(req->path.data, req->path.len, "/a/b");
    assert_int_equal(req->field_count, 5);
    assert_span(req->fields[2].name, req->fields[2].name_len, "X-Y");
    assert_span(req->fields[2].value, req->fields[2].value_len, "a b");
    assert_int_equal(req->fields[2].known, HTTP_KNOWN_NONE);
    assert_int_equal(req->seen, 1 << HTTP_KNOWN_HOST | 1 << HTTP_KNOWN_CONNECTION |
                                    1 << HTTP_KNOWN_CONTENT_LENGTH);
    assert_int_equal(req->repeated, 1 << HTTP_KNOWN_CONNECTION);
    assert_int_equal(req->at[HTTP_KNOWN_CONNECTION], 4);
    free(req);
}

static void
test_http_parser_knows_its_headers_in_any_case(void **state)
{
    static const struct {
        const char *name;
        int known;
    } rows[] = {
        {"Host", HTTP_KNOWN_HOST},
        {"HOST", HTTP_KNOWN_HOST},
        {"cOnNeCtIoN", HTTP_KNOWN_CONNECTION},
        {"CONTENT-LENGTH", HTTP_KNOWN_CONTENT_LENGTH},
        {"transfer-encoding", HTTP_KNOWN_TRANSFER_ENCODING},
        {"Expect", HTTP_KNOWN_EXPECT},
        {"Accept", HTTP_KNOWN_NONE},
        {"Cookie", HTTP_KNOWN_NONE},
        {"Hosts", HTTP_KNOWN_NONE},
        {"Hos", HTTP_KNOWN_NONE},
        {"Content_Length", HTTP_KNOWN_NONE},
    };
    struct http_request *req = new_request();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[128];
        int n = snprintf(text, sizeof(text), "GET / HTTP/1.1\r\n%s: v\r\n\r\n", rows[i].name);

        assert_int_equal(parse(text, (size_t)n, &limits, req), n);
        assert_int_equal(req->fields[0].known, rows[i].known);
    }
    free(req);
}

/* Put each byte at each place of a text and compare the result of a scan with the class. */
static void
check_scan(char filler, bool (*belongs)(char c), const char *(*scan)(const char *, const char *))
{
    char text[50];

    for (size_t len = 1; len <= sizeof(text) - 1; len += 6)
        for (size_t at = 0; at < len; at++)
            for (int c = 0; c < 256; c++) {
                memset(text, filler, sizeof(text));
                text[0] = '/';
                text[1 + at] = (char)c;
                assert_ptr_equal(scan(text + 1, text + 1 + len),
                                 belongs((char)c) ? text + 1 + len : text + 1 + at);
            }
}

static bool
is_token(char c)
{
    return http_chars_is(c, HTTP_CHARS_TOKEN);
}

static bool
is_value(char c)
{
    return http_chars_is(c, HTTP_CHARS_VALUE);
}

static bool
is_path_or_question(char c)
{
    return c == '?' || http_chars_is(c, HTTP_CHARS_PATH);
}

static const char *
scan_a_target(const char *p, const char *end)
{
    struct http_scan_target s;

    return http_scan_target(p, end, &s);
}

static void
test_http_parser_scans_agree_with_the_classes(void **state)
{
    (void)state;
    check_scan('a', is_token, http_scan_token);
    check_scan('a', is_value, http_scan_value);
    check_scan('a', is_path_or_question, scan_a_target);
}

static void
test_http_parser_classes_are_those_of_the_rfcs(void **state)
{
    (void)state;
    for (int c = 0; c < 256; c++) {
        bool alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        bool token = alnum || (c != 0 && strchr("!#$%&'*+-.^_`|~", c) != NULL);
        bool pchar = alnum || (c != 0 && strchr("-._~%!$&'()*+,;=:@/[]|", c) != NULL);
        bool query = pchar || (c != 0 && strchr("?\\^`{}", c) != NULL);

        assert_int_equal(http_chars_is((char)c, HTTP_CHARS_TOKEN), token);
        assert_int_equal(http_chars_is((char)c, HTTP_CHARS_PATH), pchar);
        assert_int_equal(http_chars_is((char)c, HTTP_CHARS_QUERY), query);
        assert_int_equal(http_chars_is((char)c, HTTP_CHARS_VALUE),
                         c == '\t' || (c >= ' ' && c != 0x7f));
    }
}

/* A path is odd exactly where normalising may change it, wherever that stands. */
static void
test_http_parser_marks_odd_paths_at_every_place(void **state)
{
    static const char *const odd[] = {"%41", "//", "/.", "/..", "/./"};
    char text[80];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(odd); i++)
        for (int before = 0; before < 36; before++) {
            struct http_scan_target s;
            int n = snprintf(text, sizeof(text), " /%.*s%s", before,
                             "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", odd[i]);

            assert_ptr_equal(http_scan_target(text + 1, text + n, &s), text + n);
            assert_true(s.odd != 0);
            assert_null(s.query);
            n = snprintf(text, sizeof(text), " /%.*sx/b.c?d HTTP/1.1 and more", before,
                         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
            http_scan_target(text + 1, text + n, &s);
            assert_true(s.odd == 0);
            assert_ptr_equal(s.query, text + 2 + before + 5);
        }
}

static void
test_http_parser_gives_one_verdict_for_every_limit(void **state)
{
    static const struct http_limits small = {64, 40, 3, 0};
    struct http_request *req = new_request();
    char text[256];
    int n;

    (void)state;
    /* a line of 64 bytes, and of 65 */
    n = snprintf(text, sizeof(text), "GET /%050d HTTP/1.1\r\n\r\n", 0);
    assert_int_equal(parse(text, (size_t)n, &small, req), n);
    n = snprintf(text, sizeof(text), "GET /%051d HTTP/1.1\r\n\r\n", 0);
    assert_int_equal(parse(text, (size_t)n, &small, req), HTTP_LONG_LINE);
    assert_int_equal(parse(text, 55, &small, req), -EAGAIN);
    assert_int_equal(parse(text, 56, &small, req), HTTP_LONG_LINE);
    /* header lines of 40 bytes, and of 41 */
    n = snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nA:%036d\r\n\r\n", 0);
    assert_int_equal(parse(text, (size_t)n, &small, req), n);
    n = snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nA:%037d\r\n\r\n", 0);
    assert_int_equal(parse(text, (size_t)n, &small, req), HTTP_LARGE_HEADERS);
    /* three lines, and four */
    n = snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nA:\r\nB:\r\nC:\r\n\r\n");
    assert_int_equal(parse(text, (size_t)n, &small, req), n);
    n = snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nA:\r\nB:\r\nC:\r\nD:\r\n\r\n");
    assert_int_equal(parse(text, (size_t)n, &small, req), HTTP_MANY_HEADERS);
    free(req);
}

/* The bytes that are looked at, when a head comes byte by byte, are not those of all its prefixes:
 * from the second header line on, the parser goes on where it was. */
static void
test_http_parser_goes_on_where_it_was(void **state)
{
    struct http_request *req = new_request();
    struct http_resume resume = {0};
    char text[4096] = "GET / HTTP/1.1\r\n";
    uint32_t line = 0;
    size_t len;

    (void)state;
    for (int i = 0; i < 90; i++)
        strcat(text, "Header-Name: and its value\r\n");
    strcat(text, "\r\n");
    len = strlen(text);
    for (size_t n = 1; n < len; n++) {
        assert_int_equal(http_parse(text, n, &limits, &resume, req), -EAGAIN);
        assert_true(resume.line >= line && resume.line <= n);
        if (n > 16)
            assert_true(n - resume.line <= strlen("Header-Name: and its value\r\n"));
        line = resume.line;
    }
    assert_int_equal(http_parse(text, len, &limits, &resume, req), len);
    assert_int_equal(req->field_count, 90);
    assert_int_equal(resume.line, 0);
    free(req);
}

/* A bad byte is refused when it comes, not when the head is whole. */
static void
test_http_parser_refuses_at_the_bad_byte(void **state)
{
    static const char text[] = "GET / HTTP/1.1\r\nHost: a\r\nX: y\x01";
    struct http_request *req = new_request();
    struct http_resume resume = {0};

    (void)state;
    assert_int_equal(http_parse(text, sizeof(text) - 2, &limits, &resume, req), -EAGAIN);
    assert_int_equal(http_parse(text, sizeof(text) - 1, &limits, &resume, req),
                     HTTP_BAD_FIELD_VALUE);
    free(req);
}

static void
test_http_parser_verdicts_have_statuses_and_words(void **state)
{
    (void)state;
    for (int v = HTTP_VERDICT_FIRST; v < HTTP_VERDICT_END; v++) {
        assert_true(v < 0 && v != -EAGAIN);
        assert_in_range(http_verdict_status(v), 400, 505);
        assert_true(http_status_phrase(http_verdict_status(v))[0] != '\0');
        assert_true(strlen(http_verdict_words(v)) > 8);
        assert_true(http_verdict_name(v)[0] != '\0');
    }
}

#define TEST(name) cmocka_unit_test(test_http_parser_##name)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(finds_all_parts),
        TEST(knows_its_headers_in_any_case),
        TEST(scans_agree_with_the_classes),
        TEST(classes_are_those_of_the_rfcs),
        TEST(marks_odd_paths_at_every_place),
        TEST(gives_one_verdict_for_every_limit),
        TEST(goes_on_where_it_was),
        TEST(refuses_at_the_bad_byte),
        TEST(verdicts_have_statuses_and_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
