/* Media types of file names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "download/bytes/type_table.h"

static void
check(const struct dl_type_table *table, const char *name, const char *wanted)
{
    const char *type = dl_type_table_find(table, name);

    if (!type || !wanted ? type != wanted : strcmp(type, wanted) != 0)
        fail_msg("%s is %s, not %s", name, type ? type : "unknown", wanted ? wanted : "unknown");
}

static void
test_types_of_the_web(void **state)
{
    static const char *const rows[][2] = {
        {"index.html", "text/html"},
        {"a.css", "text/css"},
        {"a.js", "text/javascript"},
        {"a.mjs", "text/javascript"},
        {"a.wasm", "application/wasm"},
        {"a.webmanifest", "application/manifest+json"},
        {"a.avif", "image/avif"},
        {"a.jxl", "image/jxl"},
        {"a.woff2", "font/woff2"},
        {"a.svg", "image/svg+xml"},
        {"a.ts", "video/mp2t"},
        {"UPPER.HTML", "text/html"},
        {"a/b.d/c.min.js", "text/javascript"},
        {"a.html/c", NULL},
        {"html", NULL},
        {"a.", NULL},
        {"", NULL},
    };
    struct dl_type_table table = {0};

    (void)state;
    assert_int_equal(dl_type_table_add_common(&table), 0);
    dl_type_table_seal(&table);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        check(&table, rows[i][0], rows[i][1]);
    dl_type_table_fini(&table);
}

/* One that stands twice would hide a mistake. */
static void
test_types_of_the_web_are_valid_and_stand_once(void **state)
{
    struct dl_type_table table = {0};
    size_t count;

    (void)state;
    assert_int_equal(dl_type_table_add_common(&table), 0);
    count = table.count;
    assert_true(count > 90);
    dl_type_table_seal(&table);
    assert_int_equal(table.count, count);
    dl_type_table_fini(&table);
}

static void
test_types_that_come_first_count(void **state)
{
    char mime[] = "text/mine\tmine html\n\ntext/late late\n";
    char globs[] = "50:text/glob:*.glob\n50:text/late-glob:*.late\n50:text/ts:*.ts\n";
    struct dl_type_table table = {0};

    (void)state;
    assert_int_equal(dl_type_table_add(&table, "mine", "text/option"), 0);
    assert_int_equal(dl_type_table_add_common(&table), 0);
    assert_int_equal(dl_type_table_parse(&table, mime), 0);
    assert_int_equal(dl_type_table_parse(&table, globs), 0);
    dl_type_table_seal(&table);
    check(&table, "a.mine", "text/option");
    check(&table, "a.html", "text/html");
    check(&table, "a.late", "text/late");
    check(&table, "a.glob", "text/glob");
    check(&table, "a.ts", "video/mp2t");
    dl_type_table_fini(&table);
}

static void
test_types_of_an_empty_table(void **state)
{
    struct dl_type_table table = {0};
    char nothing[] = "";

    (void)state;
    assert_int_equal(dl_type_table_parse(&table, nothing), 0);
    dl_type_table_seal(&table);
    check(&table, "index.html", NULL);
    dl_type_table_fini(&table);
}

static void
test_types_that_can_be_sent(void **state)
{
    (void)state;
    assert_true(dl_type_is_valid("text/html; charset=utf-8"));
    assert_false(dl_type_is_valid("text"));
    assert_false(dl_type_is_valid(""));
    assert_false(dl_type_is_valid("text/x\n"));
    assert_false(dl_type_is_valid(" text/x"));
    assert_false(dl_type_is_valid("text/x "));
    assert_false(dl_type_is_valid("text/\xc3\xbc"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types_of_the_web),
        cmocka_unit_test(test_types_of_the_web_are_valid_and_stand_once),
        cmocka_unit_test(test_types_that_come_first_count),
        cmocka_unit_test(test_types_of_an_empty_table),
        cmocka_unit_test(test_types_that_can_be_sent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
