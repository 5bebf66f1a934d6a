#include "unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "metrics/registry.h"

#define FAMILY "family\tgoevd_things_total\tThings.\t1\t0\t1\t\troute\n"

static const struct catalog_family things = {.name = "goevd_things_total",
                                             .help = "Things.",
                                             .type = GOEVD_METRIC_COUNTER,
                                             .labels = {"route"},
                                             .label_count = 1,
                                             .configured_labels = 1};

static int
parse(const char *text)
{
    struct catalog c;
    int r = catalog_parse(&c, text, strlen(text), 4096);

    catalog_fini(&c);
    return r;
}

static void
test_catalog_reads_what_it_prints(void **state)
{
    struct catalog c;

    (void)state;
    assert_int_equal(catalog_parse(&c, FAMILY "series\t64\t0\t1\t/a b\n", 69, 4096), 0);
    assert_int_equal(c.series_count, 1);
    assert_string_equal(c.families[0].name, "goevd_things_total");
    assert_string_equal(c.series[0].values[0], "/a b");
    assert_int_equal(c.series[0].offset, 64);
    catalog_fini(&c);
}

static void
test_catalog_refuses_what_would_read_elsewhere(void **state)
{
    static const char *const refused[] = {
        "series\t0\t0\t1\t/\n",                    /* without a family */
        FAMILY "series\t4096\t0\t1\t/\n",          /* behind the end */
        FAMILY "series\t4088\t8\t2\t/\n",          /* its second block is behind the end */
        FAMILY "series\t0\t4088\t4294967295\t/\n", /* so many blocks */
        FAMILY "series\t4\t0\t1\t/\n",             /* not aligned */
        FAMILY "series\t0\t0\t0\t/\n",             /* no block */
        FAMILY "series\t-8\t0\t1\t/\n",
        FAMILY "series\t99999999999999999999\t0\t1\t/\n",
        FAMILY "series\t0\t0\t1\n",       /* no value of its label */
        FAMILY "series\t0\t0\t1\ta\tb\n", /* one too many */
        FAMILY "series\t0\t0\t1\ta",      /* cut off */
        FAMILY "series\t0\t0\t1\ta\x01\n",
        "family\tgoevd_things_total\tThings.\t4\t0\t1\t\troute\n",
        "family\tgoevd_things\tA counter without its ending.\t1\t0\t0\t\n",
        "family\tgoevd_size\tBytes without their ending.\t2\t1\t0\t\n",
        "family\tthings_total\tThings.\t1\t0\t0\t\n",
        "family\tgoevd_t_seconds\tT.\t3\t2\t0\t2,1\n",
        "family\tgoevd_t_seconds\tT.\t3\t2\t0\t\n",
        "family\tgoevd_t_seconds\tT.\t3\t2\t0\t1,,2\n",
        "family\tgoevd_t_seconds\tT.\t3\t2\t0\t1\tle\n",
        "\n",
        "nothing\n",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(refused); i++)
        if (parse(refused[i]) != -EBADMSG)
            fail_msg("taken: %s", refused[i]);
    assert_int_equal(parse(""), 0);
    assert_int_equal(parse(FAMILY "series\t4088\t0\t1\t/\n"), 0);
    assert_int_equal(parse(FAMILY "series\t0\t4088\t2\t/\n"), 0);
}

static void
test_registry_knows_each_series_once(void **state)
{
    static const char *const a[] = {"/a"}, *const a_control[] = {"/\xffz\n"},
                             *const same[] = {"/?z?"};
    struct catalog_family other = things;
    struct registry r;

    (void)state;
    assert_int_equal(registry_init(&r, -1, NULL), 0);
    assert_true(registry_add(&r, &things, a, NULL) > 0);
    assert_int_equal(registry_add(&r, &things, a, NULL), -EEXIST);
    assert_true(registry_add(&r, &things, a_control, NULL) > 0);
    assert_int_equal(registry_add(&r, &things, same, NULL), -EEXIST);
    assert_int_equal(registry_add(&r, &things, NULL, NULL), -EINVAL);
    other.help = "Other things.";
    assert_int_equal(registry_add(&r, &other, same, NULL), -EINVAL);
    registry_fini(&r);
}

static void
test_registry_takes_as_many_series_as_it_promises(void **state)
{
    struct registry r;
    char value[16];
    const char *const values[] = {value};

    (void)state;
    assert_int_equal(registry_init(&r, -1, NULL), 0);
    for (unsigned i = 0; i < CATALOG_SERIES_MAX; i++) {
        snprintf(value, sizeof(value), "/%u", i);
        assert_true(registry_add(&r, &things, values, NULL) > 0);
    }
    snprintf(value, sizeof(value), "/one-more");
    assert_int_equal(registry_add(&r, &things, values, NULL), -ENOSPC);
    assert_int_equal(registry_start(&r, 4), 0);
    registry_fini(&r);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_catalog_reads_what_it_prints),
        cmocka_unit_test(test_catalog_refuses_what_would_read_elsewhere),
        cmocka_unit_test(test_registry_knows_each_series_once),
        cmocka_unit_test(test_registry_takes_as_many_series_as_it_promises),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
