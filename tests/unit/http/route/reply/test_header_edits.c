/* Edits of header lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "http/route/reply/header_edits.h"

#define STR(text)                                                                                  \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }

static void
check_lines(const struct http_header_edits *edits, const char *before, const char *after)
{
    struct http_buffer lines = {0};

    assert_int_equal(http_buffer_append(&lines, before, strlen(before)), 0);
    assert_int_equal(http_header_edits_apply(edits, &lines), 0);
    assert_int_equal(lines.len, strlen(after));
    if (lines.len != 0)
        assert_memory_equal(lines.data, after, lines.len);
    free(lines.data);
}

static void
test_http_edits_none_changes_nothing(void **state)
{
    struct http_header_edits edits = {0};

    (void)state;
    assert_int_equal(http_header_edits_add(&edits, NULL), 0);
    assert_false(http_header_edits_any(&edits));
    check_lines(&edits, "A: b\r\n", "A: b\r\n");
    check_lines(&edits, "", "");
    http_header_edits_fini(&edits);
}

static void
test_http_edits_names_have_no_case_and_match_as_a_whole(void **state)
{
    static const struct goevd_str names[] = {STR("x-a")};
    const struct http_options_headers o = {.remove = {(void *)(uintptr_t)names, 1}};
    struct http_header_edits edits = {0};

    (void)state;
    assert_int_equal(http_header_edits_add(&edits, &o), 0);
    assert_true(http_header_edits_any(&edits));
    check_lines(&edits, "X-A: 1\r\nX-AB: x-a:\r\nX: X-A\r\nx-a:2\r\n", "X-AB: x-a:\r\nX: X-A\r\n");
    check_lines(&edits, "X-A: 1\r\n", "");
    http_header_edits_fini(&edits);
}

static void
test_http_edits_later_ones_see_the_earlier(void **state)
{
    static const struct goevd_pair first_set[] = {{STR("A"), STR("1")}, {STR("B"), STR("1")}};
    static const struct goevd_pair first_add[] = {{STR("C"), STR("1")}};
    static const struct goevd_pair second_set[] = {{STR("a"), STR("2")}};
    static const struct goevd_pair second_add[] = {{STR("C"), STR("2")}};
    const struct http_options_headers first = {.set = {(void *)(uintptr_t)first_set, 2},
                                               .add = {(void *)(uintptr_t)first_add, 1}};
    const struct http_options_headers second = {.set = {(void *)(uintptr_t)second_set, 1},
                                                .add = {(void *)(uintptr_t)second_add, 1}};
    struct http_header_edits edits = {0};

    (void)state;
    assert_int_equal(http_header_edits_add(&edits, &first), 0);
    check_lines(&edits, "A: 0\r\nC: 0\r\n", "C: 0\r\nA: 1\r\nB: 1\r\nC: 1\r\n");
    assert_int_equal(http_header_edits_add(&edits, &second), 0);
    check_lines(&edits, "A: 0\r\nC: 0\r\n", "C: 0\r\nB: 1\r\nC: 1\r\na: 2\r\nC: 2\r\n");
    http_header_edits_fini(&edits);
}

#define TEST(name) cmocka_unit_test(test_http_edits_##name)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(none_changes_nothing),
        TEST(names_have_no_case_and_match_as_a_whole),
        TEST(later_ones_see_the_earlier),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
