#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "conf/yaml/errors.h"
#include "conf/yaml/path.h"

static struct conf_errors errors;

static int
teardown(void **state)
{
    conf_errors_fini(&errors);
    return 0;
}

static const struct conf_file first = {"a.yaml", 0}, second = {"b.yaml", 1};

static void
add(const struct conf_file *file, unsigned line, unsigned column, const char *text)
{
    const struct conf_mark mark = {file, line, column};

    assert_int_equal(conf_errors_add(&errors, &mark, "p", "%s", text), -EINVAL);
}

static void
test_errors_print_in_the_order_of_files_and_lines(void **state)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    add(&second, 1, 1, "e");
    add(&first, 10, 1, "d");
    add(&first, 9, 2, "b");
    add(&first, 9, 2, "c");
    add(&first, 9, 1, "a");
    conf_errors_print(&errors, out);
    fclose(out);
    assert_string_equal(text, "a.yaml:9:1: p: a\na.yaml:9:2: p: b\na.yaml:9:2: p: c\n"
                              "a.yaml:10:1: p: d\nb.yaml:1:1: p: e\n");
    free(text);
}

static void
test_errors_line_has_what_is_known(void **state)
{
    const struct conf_mark whole = {.file = &first};

    conf_errors_add(&errors, NULL, "", "text");
    conf_errors_add(&errors, &whole, "", "text");
    conf_errors_add(&errors, NULL, "p", "text");
    assert_string_equal(errors.items[0].line, "text");
    assert_string_equal(errors.items[1].line, "a.yaml: text");
    assert_string_equal(errors.items[2].line, "p: text");
}

static void
test_errors_are_bounded_and_counted(void **state)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    int i;

    for (i = 0; i < CONF_ERRORS_MAX + 3; i++)
        add(&first, 1, 1, "x");
    conf_errors_print(&errors, out);
    fclose(out);
    assert_int_equal(errors.kept, CONF_ERRORS_MAX);
    assert_int_equal(errors.found, CONF_ERRORS_MAX + 3);
    assert_string_equal(text + size - 11, "and 3 more\n");
    free(text);
}

static void
test_errors_show_control_characters(void **state)
{
    conf_errors_add(&errors, NULL, "a\033b",
                    "c\nd\x7f"
                    "e\xc2\x9bg \xc3\xa9");
    assert_string_equal(errors.items[0].line, "a\\x1bb: c\\x0ad\\x7fe\\xc2\\x9bg \xc3\xa9");
}

static void
test_errors_quote_is_short_and_whole(void **state)
{
    char text[256];

    assert_string_equal(CONF_QUOTE(((struct goevd_str){"ab", 2})), "\"ab\"");
    assert_string_equal(CONF_QUOTE(((struct goevd_str){NULL, 0})), "\"\"");
    memset(text, 'x', sizeof(text));
    memcpy(text + 63, "\xc3\xa9", 2); /* a character of two bytes across the limit */
    assert_int_equal(strlen(CONF_QUOTE(((struct goevd_str){text, 200}))), 63 + 2 + 3);
    assert_int_equal(strlen(CONF_QUOTE(((struct goevd_str){text, 63}))), 63 + 2);
}

static void
test_path_goes_down_and_comes_back(void **state)
{
    struct conf_path path = {0};
    size_t back, inner;

    path_key(&path, (struct goevd_str){"a", 1});
    back = path_index(&path, 12);
    assert_string_equal(path.text, "a[12]");
    inner = path_key(&path, (struct goevd_str){"b", 1});
    assert_string_equal(path.text, "a[12].b");
    path_back(&path, inner);
    path_back(&path, back);
    assert_string_equal(path.text, "a");
    path_below(&path, "[1].c");
    path_below(&path, "");
    path_below(&path, "d");
    assert_string_equal(path.text, "a[1].c.d");
}

static void
test_path_that_is_too_long_says_so(void **state)
{
    struct conf_path path = {0};
    char key[300];
    size_t back;

    memset(key, 'k', sizeof(key));
    path_key(&path, (struct goevd_str){key, 300});
    back = path_key(&path, (struct goevd_str){key, 300});
    path_key(&path, (struct goevd_str){key, 300});
    assert_int_equal(strlen(path.text), 303);
    assert_string_equal(path.text + 300, "...");
    path_back(&path, back);
    assert_int_equal(strlen(path.text), 300);
}

#define TEST(name) cmocka_unit_test_teardown(name, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_errors_print_in_the_order_of_files_and_lines),
        TEST(test_errors_line_has_what_is_known),
        TEST(test_errors_are_bounded_and_counted),
        TEST(test_errors_show_control_characters),
        TEST(test_errors_quote_is_short_and_whole),
        TEST(test_path_goes_down_and_comes_back),
        TEST(test_path_that_is_too_long_says_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
