/* Records of an overview: rates and quantiles by listener and route, and problems in words. */
#include "unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ctl/overview.h"

#define MS NS_PER_MS

static const struct catalog_family requests = {.name = HISTORY_REQUESTS_FAMILY,
                                               .help = "Requests.",
                                               .type = GOEVD_METRIC_COUNTER,
                                               .labels = {"listener", "route", "status"},
                                               .label_count = 3};
static const struct catalog_family durations = {.name = HISTORY_DURATION_FAMILY,
                                                .help = "Durations.",
                                                .type = GOEVD_METRIC_HISTOGRAM,
                                                .unit = GOEVD_METRIC_NANOSECONDS,
                                                .labels = {"listener"},
                                                .label_count = 1,
                                                .bounds = {MS, 10 * MS},
                                                .bound_count = 2};
static const struct catalog_family connected = {.name =
                                                    "goevd_relay_upstream_clients_connected_total",
                                                .help = "Clients.",
                                                .type = GOEVD_METRIC_COUNTER,
                                                .labels = {"listener", "upstream"},
                                                .label_count = 2};
static const struct catalog_family failed = {.name = "goevd_relay_upstream_connects_failed_total",
                                             .help = "Attempts.",
                                             .type = GOEVD_METRIC_COUNTER,
                                             .labels = {"listener", "upstream"},
                                             .label_count = 2};

struct shown {
    struct registry registry;
    struct reader reader;
    struct history history;
    int good, bad, other, durations, connected, failed;
};

static int
add(struct shown *s, const struct catalog_family *f, const char *a, const char *b, const char *c)
{
    const char *const values[] = {a, b, c};
    int number = registry_add(&s->registry, f, values, NULL);

    assert_true(number > 0);
    return number;
}

static void
begin(struct shown *s)
{
    assert_int_equal(registry_init(&s->registry, -1, NULL), 0);
    s->good = add(s, &requests, "web", "/a", "2xx");
    s->bad = add(s, &requests, "web", "/a", "5xx");
    s->other = add(s, &requests, "web", "/b\t\"", "2xx");
    s->durations = add(s, &durations, "web", NULL, NULL);
    s->connected = add(s, &connected, "relay", "10.0.0.2:80", NULL);
    s->failed = add(s, &failed, "relay", "10.0.0.2:80", NULL);
    reader_init(&s->reader, &s->registry);
    history_init(&s->history, &s->reader, &s->registry);
    assert_int_equal(registry_start(&s->registry, 1), 0);
}

static void
end(struct shown *s)
{
    history_fini(&s->history);
    reader_fini(&s->reader);
    registry_fini(&s->registry);
}

static void
count(struct shown *s, int number, uint64_t n)
{
    registry_count(registry_cell(&s->registry, 0, number), n);
}

static void
sample(struct shown *s, uint64_t seconds)
{
    s->history.again_ns = 0;
    assert_int_equal(history_sample(&s->history, 3, seconds * NS_PER_S), 0);
}

/* The records, to be freed. */
static char *
written(struct shown *s, const char *facts, bool brief)
{
    const struct overview_listener listeners[] = {{"web", "http", ":80", 98, 100},
                                                  {"full", "echo", ":7", 5, 5}};
    struct overview_request request = {.history = &s->history,
                                       .facts = facts,
                                       .listeners = listeners,
                                       .listener_count = 2,
                                       .open = 3,
                                       .brief = brief};
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    assert_non_null(out);
    assert_int_equal(overview_write(&request, out), 0);
    fclose(out);
    return text;
}

static void
has(const char *text, const char *line)
{
    if (!strstr(text, line))
        fail_msg("no \"%s\" in:\n%s", line, text);
}

static void
test_overview_rates_and_quantiles(void **state)
{
    struct shown s;
    char *text;

    (void)state;
    begin(&s);
    count(&s, s.good, 1000);
    sample(&s, 100);
    count(&s, s.good, 90);
    count(&s, s.bad, 10);
    count(&s, s.other, 20);
    registry_observe(&s.registry, 0, s.durations, 5 * MS, 100);
    sample(&s, 110);
    text = written(&s, "text\tstate\tserving\n", false);
    has(text, "\t10.000\n"); /* the time between the samples */
    has(text, "total\t12.000\t1.000\t\t\t\t3\t0.005500\t0.009910\n");
    has(text, "row\tweb\t:80\thttp\t98\t100\t12.00\t1.00\t0.005500\t0.009910\n");
    has(text, "row\tfull\t:7\techo\t5\t5\t\t\t\t\n");
    has(text, "row\tweb\t/a\t10.00\t1.00\t\t\t1100\n");
    /* a control character of a label has become a question mark */
    has(text, "row\tweb\t/b?\\\"\t2.00\t\t\t\t20\n");
    has(text, "fact\tstate\tserving\n");
    free(text);
    text = written(&s, "text\tstate\tserving\n", true);
    has(text, "total\t12.000\t1.000\t");
    assert_null(strstr(text, "row"));
    free(text);
    end(&s);
}

static void
test_overview_problems_errors_first(void **state)
{
    char facts[256], *text, *first, *last;
    struct shown s;

    (void)state;
    begin(&s);
    sample(&s, 100);
    count(&s, s.good, 90);
    count(&s, s.bad, 10);
    count(&s, s.failed, 5);
    sample(&s, 110);
    snprintf(facts, sizeof(facts),
             "text\tstate\tserving\nevent\tlast_reload\t%lld\t0\tno \\\"x\\\"\n"
             "event\tlast_crash\t%lld\t0\tworker 1 died\ntext\tconfig\t/secret\n",
             (long long)time(NULL) - 7300, (long long)time(NULL) - 200);
    text = written(&s, facts, false);
    has(text, "problem\terror\tlast reload failed 2 h ago: no \\\"x\\\"\n");
    has(text, "problem\twarning\t3 min ago: worker 1 died\n");
    has(text, "problem\terror\tlistener full: 100% of connections_max (5 of 5)\n");
    has(text, "problem\twarning\tlistener web: 98% of connections_max (98 of 100)\n");
    has(text, "problem\terror\t10.0% of requests fail");
    has(text, "problem\terror\tupstream 10.0.0.2:80 of listener relay is down: 0.5 connections");
    assert_null(strstr(text, "/secret"));
    last = strstr(text, "problem\twarning");
    while ((first = strstr(last, "problem\terror")))
        fail_msg("an error behind a warning: %s", first);
    free(text);
    count(&s, s.connected, 1);
    count(&s, s.failed, 5);
    sample(&s, 120);
    sample(&s, 130);
    text = written(&s, "", false);
    assert_null(strstr(text, "is down")); /* it answers some */
    free(text);
    end(&s);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_overview_rates_and_quantiles),
        cmocka_unit_test(test_overview_problems_errors_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
