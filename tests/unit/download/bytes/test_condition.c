/* Conditions of requests for files. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "download/bytes/condition.h"

#define ETAG "\"1-2\""
#define WEAK "W/" ETAG
#define MODIFIED "Sun, 06 Nov 1994 08:49:37 GMT"
#define MODIFIED_S 784111777
#define BEFORE "Sun, 06 Nov 1994 08:49:36 GMT"
#define AFTER "Sun, 06 Nov 1994 08:49:38 GMT"

/* This file uses no function of it. */
const struct goevd_http *goevd_http;
const struct goevd_host *goevd_host;

static struct goevd_str
str(const char *text)
{
    return (struct goevd_str){text, strlen(text)};
}

static const struct dl_condition_file *
file(void)
{
    static struct dl_condition_file f;

    f = (struct dl_condition_file){str(ETAG), str(MODIFIED), MODIFIED_S};
    return &f;
}

/* headers: names and values in turn, NULL at the end. */
static struct dl_condition
read_headers(const char *const *headers)
{
    struct dl_condition c = {0};

    for (size_t i = 0; headers[i] != NULL; i += 2)
        dl_condition_header(&c, file(), str(headers[i]), str(headers[i + 1]));
    return c;
}

#define CHECK(result, ...)                                                                         \
    do {                                                                                           \
        struct dl_condition c = read_headers((const char *const[]){__VA_ARGS__, NULL});            \
        assert_int_equal(dl_condition_check(&c, file()), result);                                  \
    } while (0)

static void
test_condition_if_match(void **state)
{
    (void)state;
    CHECK(DL_CONDITION_HOLDS, "If-Match", ETAG);
    CHECK(DL_CONDITION_HOLDS, "If-Match", "*");
    CHECK(DL_CONDITION_HOLDS, "IF-MATCH", "\"a\" , ,\"b\"," ETAG);
    CHECK(DL_CONDITION_HOLDS, "if-match", "\"a\"", "if-match", ETAG);
    CHECK(DL_CONDITION_FAILED, "If-Match", "\"a\"");
    CHECK(DL_CONDITION_FAILED, "If-Match", WEAK);
    CHECK(DL_CONDITION_FAILED, "If-Match", "1-2");
    CHECK(DL_CONDITION_FAILED, "If-Match", "");
    CHECK(DL_CONDITION_FAILED, "If-Match", "\"1-2");
    CHECK(DL_CONDITION_FAILED, "If-Match", "\"a," ETAG);
}

static void
test_condition_if_none_match(void **state)
{
    (void)state;
    CHECK(DL_CONDITION_NOT_MODIFIED, "If-None-Match", ETAG);
    CHECK(DL_CONDITION_NOT_MODIFIED, "If-None-Match", "*");
    CHECK(DL_CONDITION_NOT_MODIFIED, "If-None-Match", WEAK);
    CHECK(DL_CONDITION_NOT_MODIFIED, "If-None-Match", "W/\"a\",W/\"b\", " WEAK);
    CHECK(DL_CONDITION_HOLDS, "If-None-Match", "\"a\"");
    CHECK(DL_CONDITION_HOLDS, "If-None-Match", "w/" ETAG);
    CHECK(DL_CONDITION_HOLDS, "If-None-Match", "W/");
}

static void
test_condition_dates(void **state)
{
    (void)state;
    CHECK(DL_CONDITION_NOT_MODIFIED, "If-Modified-Since", MODIFIED);
    CHECK(DL_CONDITION_NOT_MODIFIED, "If-Modified-Since", AFTER);
    CHECK(DL_CONDITION_HOLDS, "If-Modified-Since", BEFORE);
    CHECK(DL_CONDITION_HOLDS, "If-Modified-Since", "yesterday");
    CHECK(DL_CONDITION_HOLDS, "If-Unmodified-Since", MODIFIED);
    CHECK(DL_CONDITION_HOLDS, "If-Unmodified-Since", AFTER);
    CHECK(DL_CONDITION_FAILED, "If-Unmodified-Since", BEFORE);
    CHECK(DL_CONDITION_HOLDS, "If-Unmodified-Since", "yesterday");
}

static void
test_condition_precedence(void **state)
{
    (void)state;
    CHECK(DL_CONDITION_HOLDS, "If-Match", ETAG, "If-Unmodified-Since", BEFORE);
    CHECK(DL_CONDITION_FAILED, "If-Match", "\"a\"", "If-None-Match", ETAG);
    CHECK(DL_CONDITION_FAILED, "If-Unmodified-Since", BEFORE, "If-None-Match", ETAG);
    CHECK(DL_CONDITION_NOT_MODIFIED, "If-Match", ETAG, "If-None-Match", ETAG);
    CHECK(DL_CONDITION_NOT_MODIFIED, "If-None-Match", ETAG, "If-Modified-Since", BEFORE);
    CHECK(DL_CONDITION_HOLDS, "If-None-Match", "\"a\"", "If-Modified-Since", AFTER);
    CHECK(DL_CONDITION_HOLDS, "If", ETAG, "Range", "x", "If-Nothing", "*", "", "");
}

#define RANGE(wanted, now, ...)                                                                    \
    do {                                                                                           \
        struct dl_condition c = read_headers((const char *const[]){__VA_ARGS__, NULL});            \
        assert_int_equal(dl_condition_range(&c, file(), now).data != NULL, wanted);                \
    } while (0)

static void
test_condition_if_range(void **state)
{
    (void)state;
    RANGE(true, MODIFIED_S + 9, "Range", "x");
    RANGE(false, MODIFIED_S + 9, "If-Range", ETAG);
    RANGE(false, MODIFIED_S + 9, "Range", "x", "Range", "x");
    RANGE(true, MODIFIED_S + 9, "Range", "x", "If-Range", ETAG);
    RANGE(false, MODIFIED_S + 9, "Range", "x", "If-Range", WEAK);
    RANGE(false, MODIFIED_S + 9, "Range", "x", "If-Range", "\"a\"");
    RANGE(false, MODIFIED_S + 9, "Range", "x", "If-Range", AFTER);
    RANGE(false, MODIFIED_S + 9, "Range", "x", "If-Range", BEFORE);
    RANGE(true, MODIFIED_S + 1, "Range", "x", "If-Range", MODIFIED);
    RANGE(false, MODIFIED_S, "Range", "x", "If-Range", MODIFIED); /* not strong yet */
}

static void
test_condition_dates_in_three_forms(void **state)
{
    static const char *const rows[] = {MODIFIED, "Sunday, 06-Nov-94 08:49:37 GMT",
                                       "Sun Nov  6 08:49:37 1994"};
    static const char *const wrong[] = {"",
                                        "0",
                                        "Sun, 06 Nov 1994 08:49:37",
                                        "Sun, 06 Nov 1994 08:49:37 GMT ",
                                        "Sun, 06 Nov 1994 08:49:37 CET",
                                        "Sun, 36 Nov 1994 08:49:37 GMT",
                                        "Sun, 06 Nov 1994 08:49:37 GMT and much more of that kind"};
    char date[DL_CONDITION_DATE_LEN + 1];
    int64_t seconds = -1;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_true(dl_condition_date_parse(str(rows[i]), &seconds));
        assert_int_equal(seconds, MODIFIED_S);
    }
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_false(dl_condition_date_parse(str(wrong[i]), &seconds));
    dl_condition_date_format(MODIFIED_S, date);
    assert_string_equal(date, MODIFIED);
    dl_condition_date_format(INT64_MAX, date);
    assert_int_equal(strlen(date), DL_CONDITION_DATE_LEN);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_condition_if_match),
        cmocka_unit_test(test_condition_if_none_match),
        cmocka_unit_test(test_condition_dates),
        cmocka_unit_test(test_condition_precedence),
        cmocka_unit_test(test_condition_if_range),
        cmocka_unit_test(test_condition_dates_in_three_forms),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
