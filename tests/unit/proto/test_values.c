#include "unit/unit.h"

#include <errno.h>
#include <stdio.h>

#include "proto/values.h"

static struct values values;

static int
teardown(void **state)
{
    values_fini(&values);
    assert_int_equal(values.count, 0);
    return 0;
}

static void
test_values_are_set_replaced_and_unset(void **state)
{
    assert_null(values_get(&values, "a"));
    assert_false(values_unset(&values, "a"));
    assert_int_equal(values_set(&values, "a", "1"), 0);
    assert_int_equal(values_set(&values, "b", "2"), 0);
    assert_int_equal(values_set(&values, "c", ""), 0);
    assert_int_equal(values_set(&values, "a", "3"), 0);
    assert_int_equal(values.count, 3);
    assert_string_equal(values_get(&values, "a"), "3");
    assert_string_equal(values_get(&values, "c"), "");
    assert_true(values_unset(&values, "a"));
    assert_null(values_get(&values, "a"));
    assert_string_equal(values.items[0].name, "b"); /* the order stays */
    assert_string_equal(values.items[1].name, "c");
}

static void
test_values_as_many_as_fit_and_one_more(void **state)
{
    char name[16];

    for (unsigned i = 0; i < VALUES_MAX; i++) {
        snprintf(name, sizeof(name), "%u", i);
        assert_int_equal(values_set(&values, name, "x"), 0);
    }
    assert_int_equal(values_set(&values, "more", "x"), -ENOSPC);
    assert_null(values_get(&values, "more"));
    assert_int_equal(values_set(&values, "7", "y"), 0); /* it is there already */
    assert_true(values_unset(&values, "0"));
    assert_int_equal(values_set(&values, "more", "x"), 0);
    assert_int_equal(values.count, VALUES_MAX);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_values_are_set_replaced_and_unset, teardown),
        cmocka_unit_test_teardown(test_values_as_many_as_fit_and_one_more, teardown),
    };

    return cmocka_run_group_tests_name("values", tests, NULL, NULL);
}
