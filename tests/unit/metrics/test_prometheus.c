#include "unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "metrics/prometheus.h"
#include "metrics/reader.h"

#define BOUNDS 500000, 1000000000, 2500000000
static const struct catalog_family requests = {.name = "goevd_requests_total",
                                               .help = "Requests that were \"answered\".",
                                               .type = GOEVD_METRIC_COUNTER,
                                               .labels = {"route"},
                                               .label_count = 1,
                                               .configured_labels = 1};
static const struct catalog_family lag = {.name = "goevd_lag_seconds",
                                          .help = "Lag.",
                                          .type = GOEVD_METRIC_GAUGE,
                                          .unit = GOEVD_METRIC_NANOSECONDS};
static const struct catalog_family times = {.name = "goevd_time_seconds",
                                            .help = "Times.",
                                            .type = GOEVD_METRIC_HISTOGRAM,
                                            .unit = GOEVD_METRIC_NANOSECONDS,
                                            .labels = {"listener"},
                                            .label_count = 1,
                                            .bounds = {BOUNDS},
                                            .bound_count = 3};

static char *
print(enum prometheus_format format)
{
    static const char *const route[] = {"/\"a\\b\""}, *const web[] = {"web"};
    struct registry r;
    struct reader reader;
    struct view v;
    int requests_number, lag_number, times_number;
    char *text = NULL;
    size_t len;
    FILE *out;

    assert_int_equal(registry_init(&r, -1, NULL), 0);
    assert_true((requests_number = registry_add(&r, &requests, route, NULL)) > 0);
    assert_true((lag_number = registry_add(&r, &lag, NULL, NULL)) > 0);
    assert_true((times_number = registry_add(&r, &times, web, NULL)) > 0);
    assert_int_equal(registry_start(&r, 1), 0);
    registry_count(registry_cell(&r, 0, requests_number), 3);
    registry_count(registry_cell(&r, 0, lag_number), (uint64_t)-1500000000);
    registry_observe(&r, 0, times_number, 500000, 2);
    registry_observe(&r, 0, times_number, 3000000000, 1);
    reader_init(&reader, &r);
    assert_int_equal(reader_take(&reader, &v), 0);
    out = open_memstream(&text, &len);
    prometheus_print(out, &v, format);
    fclose(out);
    view_fini(&v);
    reader_fini(&reader);
    registry_fini(&r);
    return text;
}

static void
test_prometheus_prints_the_text_format(void **state)
{
    char *text = print(PROMETHEUS_TEXT);

    (void)state;
    assert_string_equal(text, "# HELP goevd_requests_total Requests that were \"answered\".\n"
                              "# TYPE goevd_requests_total counter\n"
                              "goevd_requests_total{route=\"/\\\"a\\\\b\\\"\"} 3\n"
                              "# HELP goevd_lag_seconds Lag.\n"
                              "# TYPE goevd_lag_seconds gauge\n"
                              "goevd_lag_seconds -1.500000000\n"
                              "# HELP goevd_time_seconds Times.\n"
                              "# TYPE goevd_time_seconds histogram\n"
                              "goevd_time_seconds_bucket{listener=\"web\",le=\"0.0005\"} 2\n"
                              "goevd_time_seconds_bucket{listener=\"web\",le=\"1.0\"} 2\n"
                              "goevd_time_seconds_bucket{listener=\"web\",le=\"2.5\"} 2\n"
                              "goevd_time_seconds_bucket{listener=\"web\",le=\"+Inf\"} 3\n"
                              "goevd_time_seconds_sum{listener=\"web\"} 3.001000000\n"
                              "goevd_time_seconds_count{listener=\"web\"} 3\n");
    free(text);
}

static void
test_prometheus_prints_openmetrics(void **state)
{
    char *text = print(PROMETHEUS_OPENMETRICS);

    (void)state;
    assert_non_null(strstr(text, "# HELP goevd_requests Requests that were \\\"answered\\\".\n"
                                 "# TYPE goevd_requests counter\n"
                                 "goevd_requests_total{"));
    assert_non_null(strstr(text, "# UNIT goevd_time_seconds seconds\n"));
    assert_non_null(strstr(text, "_count{listener=\"web\"} 3\n# EOF\n"));
    free(text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prometheus_prints_the_text_format),
        cmocka_unit_test(test_prometheus_prints_openmetrics),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
