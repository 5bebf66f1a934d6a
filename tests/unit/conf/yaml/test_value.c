#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "conf/yaml/value.h"

static struct goevd_str
str(const char *text)
{
    return (struct goevd_str){text, strlen(text)};
}

static void
accepts(enum goevd_option_type type, const char *text, int64_t expected)
{
    struct err err = {0};
    int64_t value = -77;

    assert_int_equal(value_parse_number(type, str(text), &value, &err), 0);
    assert_int_equal(value, expected);
}

static void
refuses(enum goevd_option_type type, const char *text, const char *why)
{
    struct err err = {0};
    int64_t value = -77;

    assert_true(value_parse_number(type, str(text), &value, &err) < 0);
    assert_string_equal(err.text, why);
    assert_int_equal(value, -77);
}

static void
test_value_integers(void **state)
{
    accepts(GOEVD_OPTION_INT, "42", 42);
    accepts(GOEVD_OPTION_INT, "+7", 7);
    accepts(GOEVD_OPTION_INT, "-1", -1);
    accepts(GOEVD_OPTION_INT, "007", 7);
    accepts(GOEVD_OPTION_INT, "9223372036854775807", INT64_MAX);
    accepts(GOEVD_OPTION_INT, "-9223372036854775808", INT64_MIN);
    refuses(GOEVD_OPTION_INT, "9223372036854775808",
            "\"9223372036854775808\" is too large a number");
    refuses(GOEVD_OPTION_INT, "-9223372036854775809",
            "\"-9223372036854775809\" is too large a number");
    refuses(GOEVD_OPTION_INT, "", "expected an integer, found \"\"");
    refuses(GOEVD_OPTION_INT, "-", "expected an integer, found \"-\"");
    refuses(GOEVD_OPTION_INT, "0x10", "expected an integer, found \"0x10\"");
    refuses(GOEVD_OPTION_INT, "12abc", "expected an integer, found \"12abc\"");
    refuses(GOEVD_OPTION_INT, "1.5", "expected an integer, found \"1.5\"");
}

static void
test_value_sizes(void **state)
{
    accepts(GOEVD_OPTION_SIZE, "512", 512);
    accepts(GOEVD_OPTION_SIZE, "512B", 512);
    accepts(GOEVD_OPTION_SIZE, "64KiB", 65536);
    accepts(GOEVD_OPTION_SIZE, "64 KiB", 65536);
    accepts(GOEVD_OPTION_SIZE, "1MB", 1000000);
    accepts(GOEVD_OPTION_SIZE, "1kB", 1000);
    accepts(GOEVD_OPTION_SIZE, "2GiB", INT64_C(2) << 30);
    accepts(GOEVD_OPTION_SIZE, "8388607TiB", INT64_C(8388607) << 40);
    refuses(GOEVD_OPTION_SIZE, "8388608TiB", "\"8388608TiB\" is too large a number");
    refuses(GOEVD_OPTION_SIZE, "64K",
            "\"K\" in \"64K\" is no unit: use B, KB, KiB, MB, MiB, GB, GiB, TB or TiB");
    refuses(GOEVD_OPTION_SIZE, "1.5MiB",
            "\"1.5MiB\" is no whole number: write it in a smaller unit");
    refuses(GOEVD_OPTION_SIZE, "-1", "expected a size such as 64KiB, found \"-1\"");
    refuses(GOEVD_OPTION_SIZE, "big", "expected a size such as 64KiB, found \"big\"");
}

static void
test_value_durations(void **state)
{
    accepts(GOEVD_OPTION_DURATION, "75s", INT64_C(75000000000));
    accepts(GOEVD_OPTION_DURATION, "1500ms", INT64_C(1500000000));
    accepts(GOEVD_OPTION_DURATION, "10us", 10000);
    accepts(GOEVD_OPTION_DURATION, "7ns", 7);
    accepts(GOEVD_OPTION_DURATION, "3m", INT64_C(180000000000));
    accepts(GOEVD_OPTION_DURATION, "2h", INT64_C(7200000000000));
    accepts(GOEVD_OPTION_DURATION, "1d", INT64_C(86400000000000));
    accepts(GOEVD_OPTION_DURATION, "0", 0);
    refuses(GOEVD_OPTION_DURATION, "75", "\"75\" has no unit: add ns, us, ms, s, m, h or d");
    refuses(GOEVD_OPTION_DURATION, "75sec",
            "\"sec\" in \"75sec\" is no unit: use ns, us, ms, s, m, h or d");
    refuses(GOEVD_OPTION_DURATION, "106752d", "\"106752d\" is too large a number");
}

static void
test_value_rates(void **state)
{
    accepts(GOEVD_OPTION_RATE, "100KiB/s", 102400);
    accepts(GOEVD_OPTION_RATE, "5B/s", 5);
    accepts(GOEVD_OPTION_RATE, "0", 0);
    refuses(GOEVD_OPTION_RATE, "100KiB",
            "\"KiB\" in \"100KiB\" is no unit: use B/s, KB/s, KiB/s, MB/s, MiB/s, GB/s, GiB/s, "
            "TB/s or TiB/s");
}

static void
test_value_booleans(void **state)
{
    static const char *const yes[] = {"true", "yes", "on", "True", "ON"};
    static const char *const no[] = {"false", "no", "off", "False", "NO"};
    struct err err = {0};
    bool value;
    size_t i;

    for (i = 0; i < ARRAY_LEN(yes); i++) {
        value = false;
        assert_int_equal(value_parse_bool(str(yes[i]), &value, NULL), 0);
        assert_true(value);
        assert_int_equal(value_parse_bool(str(no[i]), &value, NULL), 0);
        assert_false(value);
    }
    assert_true(value_parse_bool(str("1"), &value, &err) < 0);
    assert_string_equal(err.text, "expected true or false, found \"1\"");
}

static void
test_value_format_parses_to_the_same(void **state)
{
    static const enum goevd_option_type types[] = {GOEVD_OPTION_INT, GOEVD_OPTION_SIZE,
                                                   GOEVD_OPTION_DURATION, GOEVD_OPTION_RATE};
    static const int64_t values[] = {0,
                                     1,
                                     999,
                                     1000,
                                     1024,
                                     65536,
                                     1000000,
                                     INT64_C(75000000000),
                                     86401,
                                     1 << 30,
                                     INT64_C(1) << 40,
                                     INT64_MAX};
    size_t t, v;

    for (t = 0; t < ARRAY_LEN(types); t++) {
        for (v = 0; v < ARRAY_LEN(values); v++)
            accepts(types[t], value_format(types[t], values[v]).text, values[v]);
    }
}

static void
test_value_format_takes_the_largest_unit(void **state)
{
    const enum goevd_option_type size = GOEVD_OPTION_SIZE;

    assert_string_equal(value_format(size, 65536).text, "64KiB");
    assert_string_equal(value_format(size, 3000000).text, "3MB");
    assert_string_equal(value_format(size, 1001).text, "1001");
    assert_string_equal(value_format(GOEVD_OPTION_DURATION, INT64_C(75000000000)).text, "75s");
    assert_string_equal(value_format(GOEVD_OPTION_DURATION, INT64_C(120000000000)).text, "2m");
    assert_string_equal(value_format(GOEVD_OPTION_DURATION, 1).text, "1ns");
    assert_string_equal(value_format(GOEVD_OPTION_RATE, 2048).text, "2KiB/s");
    assert_string_equal(value_format(GOEVD_OPTION_INT, -5).text, "-5");
}

static void
test_value_format_like_takes_the_users_unit(void **state)
{
    const enum goevd_option_type size = GOEVD_OPTION_SIZE;

    assert_string_equal(value_format_like(size, 16777216, str("99999KiB")).text, "16384KiB");
    assert_string_equal(value_format_like(size, 16777216, str("99MB")).text, "16MiB");
    assert_string_equal(
        value_format_like(GOEVD_OPTION_DURATION, INT64_C(60000000000), str("90s")).text, "60s");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_value_integers),
        cmocka_unit_test(test_value_sizes),
        cmocka_unit_test(test_value_durations),
        cmocka_unit_test(test_value_rates),
        cmocka_unit_test(test_value_booleans),
        cmocka_unit_test(test_value_format_parses_to_the_same),
        cmocka_unit_test(test_value_format_takes_the_largest_unit),
        cmocka_unit_test(test_value_format_like_takes_the_users_unit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
