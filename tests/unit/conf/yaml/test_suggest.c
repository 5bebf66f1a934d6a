#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "conf/yaml/suggest.h"

static struct goevd_str
str(const char *text)
{
    return (struct goevd_str){text, strlen(text)};
}

static const char *
best(const char *name)
{
    static const char *const names[] = {"listeners", "reactors", "log", "mode", "reactor"};
    struct suggest suggest;
    size_t i;

    suggest_init(&suggest, str(name));
    for (i = 0; i < ARRAY_LEN(names); i++)
        suggest_offer(&suggest, str(names[i]));
    return suggest.best.data ? suggest.best.data : "";
}

static void
test_suggest_distance_counts_each_slip(void **state)
{
    assert_int_equal(suggest_distance(str("mode"), str("mode")), 0);
    assert_int_equal(suggest_distance(str("mode"), str("MODE")), 0);
    assert_int_equal(suggest_distance(str("mode"), str("node")), 1);
    assert_int_equal(suggest_distance(str("mode"), str("modes")), 1);
    assert_int_equal(suggest_distance(str("mode"), str("moe")), 1);
    assert_int_equal(suggest_distance(str("mode"), str("omde")), 1);
    assert_int_equal(suggest_distance(str(""), str("mode")), 4);
    assert_int_equal(suggest_distance(str("kitten"), str("sitting")), 3);
}

static void
test_suggest_finds_the_nearest(void **state)
{
    assert_string_equal(best("listenrs"), "listeners");
    assert_string_equal(best("reactr"), "reactor");
    assert_string_equal(best("lgo"), "log");
    assert_string_equal(best("Mode"), "mode");
}

static void
test_suggest_is_silent_when_nothing_is_near(void **state)
{
    assert_string_equal(best("handler"), "");
    assert_string_equal(best(""), "");
    assert_string_equal(best("x"), "");
    assert_string_equal(best("lg"), "");
    assert_string_equal(best("listenersthatgoonandonwithoutanyendinsightatallreallyfarlongerthan"),
                        "");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_suggest_distance_counts_each_slip),
        cmocka_unit_test(test_suggest_finds_the_nearest),
        cmocka_unit_test(test_suggest_is_silent_when_nothing_is_near),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
