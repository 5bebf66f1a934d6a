#include "unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "plug/plugins.h"

static struct module module = {.entry = {.name = "thing"}};
static struct plugins plugins;
static struct instance instance = {.module = &module, .plugins = &plugins};
static struct poller *poller;

static int
setup(void **state)
{
    static const struct poller_config config = {.read_buffer_bytes = 64,
                                                .write_buffer_bytes = 64,
                                                .events_max = 16,
                                                .accepts_max = 16,
                                                .messages_max = 16,
                                                .mailbox_max = 16};

    plugins.instances = &instance;
    if (poller_new(&config, &poller, NULL) < 0)
        return -1;
    poller_current = poller;
    return 0;
}

static int
teardown(void **state)
{
    plug_metrics_fini(&plugins);
    poller_free(poller);
    return 0;
}

static int
add(const char *name, enum goevd_metric_type type)
{
    struct plug_metric_about about = {.name = name, .unit = "things", .help = "some", .type = type};

    return plug_metric_new(&instance, &about);
}

static void
test_plug_metric_buckets_are_powers_of_two(void **state)
{
    static const struct {
        uint64_t value;
        unsigned bucket;
    } cases[] = {{0, 0},
                 {1, 1},
                 {2, 2},
                 {3, 2},
                 {4, 3},
                 {1023, 10},
                 {1024, 11},
                 {UINT64_MAX / 2, 63},
                 {UINT64_MAX / 2 + 1, 64},
                 {UINT64_MAX, 64}};
    int number = add("sizes", GOEVD_METRIC_HISTOGRAM);
    uint64_t cells[PLUG_METRIC_CELLS_MAX];

    assert_true(number > 0);
    assert_int_equal(plug_metrics_start(&plugins), 0);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint64_t before[PLUG_METRIC_CELLS_MAX];

        plug_metric_take(plugins.metrics.first, poller, before);
        plug_metric_observe(&plugins.metrics, poller, number, cases[i].value);
        plug_metric_take(plugins.metrics.first, poller, cells);
        assert_int_equal(cells[0] - before[0], cases[i].value);
        for (unsigned b = 0; b < PLUG_METRIC_BUCKETS; b++)
            assert_int_equal(cells[1 + b] - before[1 + b], b == cases[i].bucket);
        assert_true(cases[i].value <= plug_metric_bucket_max(cases[i].bucket));
        assert_true(cases[i].bucket == 0 ||
                    cases[i].value > plug_metric_bucket_max(cases[i].bucket - 1));
    }
}

static void
test_plug_metric_quantiles(void **state)
{
    uint64_t buckets[PLUG_METRIC_BUCKETS] = {0};

    assert_int_equal(plug_metric_quantile(buckets, 500), 0);
    buckets[7] = 1;
    assert_int_equal(plug_metric_quantile(buckets, 1), 7);
    assert_int_equal(plug_metric_quantile(buckets, 1000), 7);
    buckets[3] = 98;
    buckets[64] = 1;
    assert_int_equal(plug_metric_quantile(buckets, 500), 3);
    assert_int_equal(plug_metric_quantile(buckets, 980), 3);
    assert_int_equal(plug_metric_quantile(buckets, 981), 7);
    assert_int_equal(plug_metric_quantile(buckets, 990), 7);
    assert_int_equal(plug_metric_quantile(buckets, 1000), 64);
    buckets[3] = UINT64_MAX / 1000 * 999; /* no overflow */
    assert_int_equal(plug_metric_quantile(buckets, 1000), 64);
}

static void
test_plug_metric_names_count_instances_where_there_are_several(void **state)
{
    struct instance second = {.module = &module, .plugins = &plugins};
    struct plug_metric_about about = {
        .name = "lines", .unit = "lines", .help = "some", .type = GOEVD_METRIC_COUNTER};

    assert_true(add("lines", GOEVD_METRIC_COUNTER) > 0);
    assert_string_equal(plugins.metrics.last->name, "thing.lines");
    instance.next = &second;
    assert_true(plug_metric_new(&second, &about) > 0);
    assert_string_equal(plugins.metrics.last->name, "thing[1].lines");
    instance.next = NULL;
}

static void
test_plug_metric_texts_have_limits(void **state)
{
    char name[PLUG_METRIC_TEXT_MAX + 2] = {0};
    char help[PLUG_METRIC_HELP_MAX + 2] = {0};
    struct plug_metric_about about = {
        .name = name, .unit = "things", .help = help, .type = GOEVD_METRIC_GAUGE};

    memset(name, 'a', PLUG_METRIC_TEXT_MAX);
    memset(help, 'a', PLUG_METRIC_HELP_MAX);
    assert_true(plug_metric_new(&instance, &about) > 0);
    name[PLUG_METRIC_TEXT_MAX] = 'a';
    assert_int_equal(plug_metric_new(&instance, &about), -EINVAL);
    name[1] = '\0';
    help[PLUG_METRIC_HELP_MAX] = 'a';
    assert_int_equal(plug_metric_new(&instance, &about), -EINVAL);
    help[1] = '\0';
    assert_true(plug_metric_new(&instance, &about) > 0);
}

static void
test_plug_metric_an_instance_has_at_most_256(void **state)
{
    struct instance other = {.module = &module, .plugins = &plugins};
    struct plug_metric_about about = {
        .name = "mine", .unit = "things", .help = "some", .type = GOEVD_METRIC_COUNTER};
    char name[16];
    int r = 0;

    for (unsigned i = plugins.metrics.count; r >= 0; i++) {
        snprintf(name, sizeof(name), "n%u", i);
        r = add(name, GOEVD_METRIC_COUNTER);
        assert_true(i <= PLUG_METRICS_MAX + 1);
    }
    assert_int_equal(r, -ENOSPC);
    assert_int_equal(plugins.metrics.count,
                     PLUG_METRICS_MAX + 1); /* one is the second instance's */
    assert_int_equal(add("n200", GOEVD_METRIC_COUNTER), -EEXIST);
    instance.next = &other;
    assert_true(plug_metric_new(&other, &about) > 0);
    instance.next = NULL;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plug_metric_buckets_are_powers_of_two),
        cmocka_unit_test(test_plug_metric_quantiles),
        cmocka_unit_test(test_plug_metric_names_count_instances_where_there_are_several),
        cmocka_unit_test(test_plug_metric_texts_have_limits),
        cmocka_unit_test(test_plug_metric_an_instance_has_at_most_256),
    };

    return cmocka_run_group_tests_name("plug_metric", tests, setup, teardown);
}
