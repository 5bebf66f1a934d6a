/* Rates, quantiles, and the ten minutes that one worker leaves to the next. */
#include "unit/unit.h"

#include <errno.h>
#include <string.h>

#include "metrics/history.h"
#include "metrics/ledger.h"

#define MS NS_PER_MS

static const struct catalog_family requests = {.name = HISTORY_REQUESTS_FAMILY,
                                               .help = "Requests.",
                                               .type = GOEVD_METRIC_COUNTER,
                                               .labels = {"status"},
                                               .label_count = 1};
static const struct catalog_family durations = {.name = HISTORY_DURATION_FAMILY,
                                                .help = "Durations.",
                                                .type = GOEVD_METRIC_HISTOGRAM,
                                                .unit = GOEVD_METRIC_NANOSECONDS,
                                                .bounds = {MS, 10 * MS, 100 * MS},
                                                .bound_count = 3};

struct sampled {
    uint64_t id;
    struct registry registry;
    struct reader reader;
    struct history history;
    int good, failed, durations;
};

static void
begin(struct ledger *l, struct sampled *w)
{
    const char *good = "2xx", *failed = HISTORY_FAILED;

    w->id = ledger_open(l, NULL);
    assert_int_equal(registry_init(&w->registry, ledger_fd(l, w->id), NULL), 0);
    assert_true((w->good = registry_add(&w->registry, &requests, &good, NULL)) > 0);
    assert_true((w->failed = registry_add(&w->registry, &requests, &failed, NULL)) > 0);
    assert_true((w->durations = registry_add(&w->registry, &durations, NULL, NULL)) > 0);
    reader_init(&w->reader, &w->registry);
    history_init(&w->history, &w->reader, &w->registry);
    assert_int_equal(registry_start(&w->registry, 1), 0);
    assert_int_equal(reader_set_totals(&w->reader, l->fd, NULL), 0);
    assert_int_equal(ledger_ready(l, w->id), 0);
}

static void
end(struct sampled *w)
{
    history_fini(&w->history);
    reader_fini(&w->reader);
    registry_fini(&w->registry);
}

static void
count(struct sampled *w, uint64_t good, uint64_t failed)
{
    registry_count(registry_cell(&w->registry, 0, w->good), good);
    registry_count(registry_cell(&w->registry, 0, w->failed), failed);
}

static void
sample(struct sampled *w, uint64_t seconds)
{
    w->history.again_ns = 0; /* whatever this machine took for the last one */
    assert_int_equal(history_sample(&w->history, 7, seconds * NS_PER_S), 0);
}

static void
test_history_points_are_totals_and_quantiles(void **state)
{
    const struct history_point *p;
    struct ledger l;
    struct sampled w;

    (void)state;
    assert_int_equal(ledger_init(&l, NULL), 0);
    begin(&l, &w);
    count(&w, 5, 1);
    registry_observe(&w.registry, 0, w.durations, 50 * MS, 1000); /* before the first sample */
    sample(&w, 100);
    count(&w, 90, 10);
    registry_observe(&w.registry, 0, w.durations, 5 * MS, 100);
    sample(&w, 110);
    p = history_point(&w.history, 0);
    assert_int_equal(p->totals[HISTORY_REQUESTS], 6);
    assert_int_equal(p->totals[HISTORY_ERRORS], 1);
    assert_int_equal(p->p50_ns, 0);
    p = history_point(&w.history, 1);
    assert_int_equal(p->totals[HISTORY_REQUESTS], 106);
    assert_int_equal(p->totals[HISTORY_ERRORS], 11);
    assert_int_equal(p->open, 7);
    assert_int_equal(p->p50_ns, MS + 9 * MS / 2); /* half of 1 to 10 ms */
    assert_int_equal(p->p99_ns, MS + 9 * MS * 99 / 100);
    assert_null(history_point(&w.history, 2));
    end(&w);
    ledger_fini(&l);
}

static void
test_history_young_samples_are_kept(void **state)
{
    struct ledger l;
    struct sampled w;

    (void)state;
    assert_int_equal(ledger_init(&l, NULL), 0);
    begin(&l, &w);
    sample(&w, 100);
    assert_int_equal(history_sample(&w.history, 7, 100 * NS_PER_S + 1), 0);
    assert_null(history_point(&w.history, 1));
    end(&w);
    ledger_fini(&l);
}

/* The distance of the views, whenever samples are taken. */
static void
test_history_views_lie_seconds_apart(void **state)
{
    const struct view *before, *now;
    struct ledger l;
    struct sampled w;

    (void)state;
    assert_int_equal(ledger_init(&l, NULL), 0);
    begin(&l, &w);
    for (uint64_t s = 100; s < 130; s++) {
        double seconds;

        sample(&w, s);
        seconds = history_views(&w.history, &before, &now);
        assert_true(seconds <= 7 && seconds >= (double)MIN(s - 100, (uint64_t)3));
    }
    for (uint64_t s = 140; s < 200; s += 10)
        sample(&w, s);
    assert_true(history_views(&w.history, &before, &now) >= 10);
    end(&w);
    ledger_fini(&l);
}

static void
test_history_of_the_worker_before_goes_on(void **state)
{
    struct ledger l;
    struct sampled old, new;

    (void)state;
    assert_int_equal(ledger_init(&l, NULL), 0);
    begin(&l, &old);
    for (uint64_t s = 1; s <= HISTORY_POINTS + 50; s++) {
        count(&old, 10, 0);
        sample(&old, s);
    }
    begin(&l, &new);
    assert_int_equal(reader_add_peer(&new.reader, old.id, ledger_fd(&l, old.id), NULL), 0);
    history_inherit(&new.history, (HISTORY_POINTS + 60) * NS_PER_S);
    /* those of the last ten minutes */
    assert_int_equal(history_point(&new.history, 0)->at_ns, 61 * NS_PER_S);
    assert_int_equal(history_point(&new.history, 0)->totals[HISTORY_REQUESTS], 610);
    assert_non_null(history_point(&new.history, HISTORY_POINTS - 11));
    assert_null(history_point(&new.history, HISTORY_POINTS - 10));
    sample(&new, HISTORY_POINTS + 61);
    assert_int_equal(history_point(&new.history, HISTORY_POINTS - 10)->totals[HISTORY_REQUESTS],
                     10 * (HISTORY_POINTS + 50));
    end(&old);
    end(&new);
    ledger_fini(&l);
}

static void
test_history_quantile(void **state)
{
    const uint64_t none[] = {0, 0, 0, 0, 0}, above[] = {0, 0, 0, 0, 4}, some[] = {0, 10, 0, 10, 0};

    (void)state;
    assert_int_equal(history_quantile(&durations, none, 500), 0);
    assert_int_equal(history_quantile(&durations, above, 500), 100 * MS);
    assert_int_equal(history_quantile(&durations, some, 250), MS / 2);
    assert_int_equal(history_quantile(&durations, some, 500), MS);
    assert_int_equal(history_quantile(&durations, some, 1000), 100 * MS);
}

static void
test_history_facts_are_read_as_they_were_written(void **state)
{
    char facts[COUNTS_FACTS_MAX], many[2 * COUNTS_FACTS_MAX];
    struct ledger l;
    struct sampled w;

    (void)state;
    assert_int_equal(ledger_init(&l, NULL), 0);
    begin(&l, &w);
    assert_int_equal(reader_read_facts(&w.reader, facts), -EAGAIN);
    ledger_set_facts(&l, "a\nb\n", 4);
    assert_int_equal(reader_read_facts(&w.reader, facts), 0);
    assert_string_equal(facts, "a\nb\n");
    for (size_t i = 0; i < sizeof(many); i++)
        many[i] = i % 10 == 9 ? '\n' : 'x';
    ledger_set_facts(&l, many, sizeof(many));
    assert_int_equal(reader_read_facts(&w.reader, facts), 0);
    assert_int_equal(strlen(facts), (COUNTS_FACTS_MAX - 1) / 10 * 10); /* whole lines */
    ledger_set_facts(&l, "c\n", 2);
    assert_int_equal(reader_read_facts(&w.reader, facts), 0);
    assert_string_equal(facts, "c\n");
    counts_head(&l.totals)->version++; /* a supervisor of another layout */
    assert_int_equal(reader_read_facts(&w.reader, facts), -EAGAIN);
    end(&w);
    ledger_fini(&l);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_history_points_are_totals_and_quantiles),
        cmocka_unit_test(test_history_young_samples_are_kept),
        cmocka_unit_test(test_history_views_lie_seconds_apart),
        cmocka_unit_test(test_history_of_the_worker_before_goes_on),
        cmocka_unit_test(test_history_quantile),
        cmocka_unit_test(test_history_facts_are_read_as_they_were_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
