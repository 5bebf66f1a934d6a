#include "unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "metrics/ledger.h"
#include "metrics/reader.h"

#define BOUNDS 10, 100
static const struct catalog_family requests = {.name = "goevd_requests_total",
                                               .help = "Requests.",
                                               .type = GOEVD_METRIC_COUNTER,
                                               .labels = {"route", "code"},
                                               .label_count = 2,
                                               .configured_labels = 1};
static const struct catalog_family open_now = {
    .name = "goevd_open", .help = "Connections.", .type = GOEVD_METRIC_GAUGE};
static const struct catalog_family times = {.name = "goevd_time_seconds",
                                            .help = "Times.",
                                            .type = GOEVD_METRIC_HISTOGRAM,
                                            .unit = GOEVD_METRIC_NANOSECONDS,
                                            .bounds = {BOUNDS},
                                            .bound_count = 2};

/* A worker of two pollers that counts requests to one route. */
struct counting {
    uint64_t id;
    struct registry registry;
    struct reader reader;
    int requests, open, times;
};

static void
begin(struct ledger *l, struct counting *w, const char *route,
      const struct catalog_family *histogram)
{
    const char *const values[] = {route, "2xx"};

    w->id = ledger_open(l, NULL);
    assert_true(w->id > 0);
    assert_int_equal(registry_init(&w->registry, ledger_fd(l, w->id), NULL), 0);
    assert_true((w->requests = registry_add(&w->registry, &requests, values, NULL)) > 0);
    assert_true((w->open = registry_add(&w->registry, &open_now, NULL, NULL)) > 0);
    assert_true((w->times = registry_add(&w->registry, histogram, NULL, NULL)) > 0);
    assert_int_equal(registry_start(&w->registry, 2), 0);
    reader_init(&w->reader, &w->registry);
    assert_int_equal(reader_set_totals(&w->reader, l->fd, NULL), 0);
    assert_int_equal(ledger_ready(l, w->id), 0);
}

static void
end(struct counting *w)
{
    reader_fini(&w->reader);
    registry_fini(&w->registry);
}

static void
count(struct counting *w, uint64_t n)
{
    registry_count(registry_cell(&w->registry, 0, w->requests), n);
    registry_count(registry_cell(&w->registry, 1, w->requests), 1);
}

static uint64_t
requests_of(struct counting *w, const char *route)
{
    const char *const values[] = {route, "2xx"};
    struct view v;
    uint64_t n;

    assert_int_equal(reader_take(&w->reader, &v), 0);
    n = view_value(&v, "goevd_requests_total", values);
    view_fini(&v);
    return n;
}

static void
test_totals_keep_what_ended_workers_counted(void **state)
{
    struct ledger l;
    struct counting old, new;

    (void)state;
    assert_int_equal(ledger_init(&l, NULL), 0);
    begin(&l, &old, "/", &times);
    count(&old, 41);
    assert_int_equal(requests_of(&old, "/"), 42);
    begin(&l, &new, "/", &times);
    assert_int_equal(reader_add_peer(&new.reader, old.id, ledger_fd(&l, old.id), NULL), 0);
    count(&new, 1);
    assert_int_equal(requests_of(&new, "/"), 44);
    count(&old, 5);
    assert_int_equal(requests_of(&new, "/"), 50);
    ledger_close(&l, old.id);
    end(&old);
    assert_int_equal(requests_of(&new, "/"), 50);
    ledger_close(&l, new.id);
    end(&new);
    begin(&l, &new, "/", &times);
    assert_int_equal(requests_of(&new, "/"), 50);
    end(&new);
    ledger_fini(&l);
}

static void
test_gauges_are_those_of_the_living(void **state)
{
    struct ledger l;
    struct counting old, new;
    struct view v;

    (void)state;
    assert_int_equal(ledger_init(&l, NULL), 0);
    begin(&l, &old, "/", &times);
    begin(&l, &new, "/", &times);
    assert_int_equal(reader_add_peer(&new.reader, old.id, ledger_fd(&l, old.id), NULL), 0);
    registry_count(registry_cell(&old.registry, 1, old.open), 7);
    registry_count(registry_cell(&new.registry, 0, new.open), 2);
    assert_int_equal(reader_take(&new.reader, &v), 0);
    assert_int_equal(view_value(&v, "goevd_open", NULL), 9);
    view_fini(&v);
    ledger_close(&l, old.id);
    assert_int_equal(reader_take(&new.reader, &v), 0);
    assert_int_equal(view_value(&v, "goevd_open", NULL), 2);
    view_fini(&v);
    end(&old);
    end(&new);
    ledger_fini(&l);
}

static void
test_a_route_that_is_gone_counts_as_other(void **state)
{
    struct ledger l;
    struct counting old, new;

    (void)state;
    assert_int_equal(ledger_init(&l, NULL), 0);
    begin(&l, &old, "/old", &times);
    count(&old, 9);
    begin(&l, &new, "/new", &times);
    assert_int_equal(reader_add_peer(&new.reader, old.id, ledger_fd(&l, old.id), NULL), 0);
    assert_int_equal(requests_of(&new, "other"), 10);
    ledger_close(&l, old.id);
    end(&old);
    assert_int_equal(requests_of(&new, "other"), 10);
    assert_int_equal(requests_of(&new, "/new"), 0);
    ledger_close(&l, new.id);
    end(&new);
    begin(&l, &new, "/old", &times); /* it begins anew, and the others keep theirs */
    assert_int_equal(requests_of(&new, "/old"), 0);
    assert_int_equal(requests_of(&new, "other"), 10);
    end(&new);
    ledger_fini(&l);
}

static void
test_bounds_that_change_keep_every_count(void **state)
{
    static const uint64_t finer[] = {10, 50, 200};
    struct catalog_family changed = times;
    struct ledger l;
    struct counting old, new;
    struct view v;

    (void)state;
    memcpy(changed.bounds, finer, sizeof(finer));
    changed.bound_count = ARRAY_LEN(finer);
    assert_int_equal(ledger_init(&l, NULL), 0);
    begin(&l, &old, "/", &times);
    registry_observe(&old.registry, 0, old.times, 10, 1);
    registry_observe(&old.registry, 1, old.times, 11, 2);
    registry_observe(&old.registry, 1, old.times, 101, 4);
    ledger_close(&l, old.id);
    end(&old);
    begin(&l, &new, "/", &changed);
    assert_int_equal(reader_take(&new.reader, &v), 0);
    for (size_t i = 0; i < v.family_count; i++)
        if (v.families[i]->about.type == GOEVD_METRIC_HISTOGRAM) {
            const uint64_t *cells = v.families[i]->first->cells, expected[] = {436, 1, 0, 2, 4};

            assert_memory_equal(cells, expected, sizeof(expected));
            assert_int_equal(view_observed(v.families[i]->first), 7);
        }
    view_fini(&v);
    end(&new);
    ledger_fini(&l);
}

/* A worker that has been taken over may write anything into its own memory. */
static void
test_a_worker_cannot_harm_the_supervisor(void **state)
{
    struct ledger l;
    struct counting w;
    struct counts_head *head;

    (void)state;
    assert_int_equal(ledger_init(&l, NULL), 0);
    begin(&l, &w, "/", &times);
    assert_true(ftruncate(ledger_fd(&l, w.id), 4096) < 0);
    assert_ptr_equal(
        mmap(NULL, COUNTS_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, ledger_fd(&l, w.id), 0),
        MAP_FAILED);
    head = counts_head(&w.registry.counts);
    atomic_store(&head->catalog_offset, COUNTS_BYTES - 8);
    atomic_store(&head->catalog_len, UINT64_MAX);
    assert_int_equal(ledger_ready(&l, w.id), 0); /* it was read before */
    ledger_close(&l, w.id);
    end(&w);
    w.id = ledger_open(&l, NULL);
    assert_int_equal(registry_init(&w.registry, ledger_fd(&l, w.id), NULL), 0);
    head = counts_head(&w.registry.counts);
    atomic_store(&head->catalog_offset, COUNTS_BYTES - 8);
    atomic_store(&head->catalog_len, UINT64_MAX);
    assert_true(ledger_ready(&l, w.id) < 0);
    ledger_close(&l, w.id);
    registry_fini(&w.registry);
    ledger_fini(&l);
}

static void
test_there_is_room_for_so_many_workers(void **state)
{
    struct ledger l;

    (void)state;
    assert_int_equal(ledger_init(&l, NULL), 0);
    for (unsigned i = 0; i < COUNTS_MAX; i++)
        assert_true(ledger_open(&l, NULL) > 0);
    assert_int_equal(ledger_open(&l, NULL), 0);
    ledger_close(&l, 1);
    assert_true(ledger_open(&l, NULL) > 0);
    ledger_fini(&l);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_totals_keep_what_ended_workers_counted),
        cmocka_unit_test(test_gauges_are_those_of_the_living),
        cmocka_unit_test(test_a_route_that_is_gone_counts_as_other),
        cmocka_unit_test(test_bounds_that_change_keep_every_count),
        cmocka_unit_test(test_a_worker_cannot_harm_the_supervisor),
        cmocka_unit_test(test_there_is_room_for_so_many_workers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
