#include "unit/unit.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/cpus.h"
#include "ev/reactor.h"

#define POLLERS 4

/* Observations of the threads; each writes its own place, and the joins or calls publish it. */
static struct {
    struct poller *poller;
    char name[16];
    cpu_set_t cpus;
    size_t stack;
    unsigned started, called, stopped;
} seen[POLLERS];

static int fail_at; /* the start with this number fails; -1: none */
static unsigned starts;

static const struct poller_config poller_config = {
    .events_max = 16, .accepts_max = 16, .messages_max = 16, .mailbox_max = 16};

static struct reactor_config
config(enum reactor_cpus cpus)
{
    memset(seen, 0, sizeof(seen));
    fail_at = -1;
    starts = 0;
    return (struct reactor_config){.name = "a-long-name-of-a-reactor",
                                   .pollers = POLLERS,
                                   .cpus = cpus,
                                   .stack_bytes = (size_t)256 << 10,
                                   .poller = poller_config};
}

static int
start(struct poller *p, void *arg, struct err *reterr)
{
    unsigned i = starts++; /* one starts after the other */
    pthread_attr_t attr;

    assert(arg == seen && poller_current == p);
    if ((int)i == fail_at)
        return err_set(reterr, -EPERM, "poller %u has no leave", i);
    seen[i].poller = p;
    seen[i].started++;
    sched_getaffinity(0, sizeof(seen[i].cpus), &seen[i].cpus);
    pthread_getattr_np(pthread_self(), &attr);
    pthread_attr_getstacksize(&attr, &seen[i].stack);
    pthread_attr_destroy(&attr);
    return 0;
}

static unsigned
number_of(const struct poller *p)
{
    for (unsigned i = 0; i < POLLERS; i++)
        if (seen[i].poller == p)
            return i;
    assert(!"a poller that did not start");
    return 0;
}

static void
stop(struct poller *p, void *arg)
{
    assert(arg == seen && poller_current == p);
    seen[number_of(p)].stopped++;
}

static void
call(struct poller *p, void *arg)
{
    unsigned i = number_of(p);

    assert(poller_current == p && arg == &starts);
    pthread_getname_np(pthread_self(), seen[i].name, sizeof(seen[i].name));
    seen[i].called++;
}

static void
test_reactor_starts_calls_and_stops_each_poller_once(void **state)
{
    struct reactor_config c = config(REACTOR_CPUS_NONE);
    struct reactor *r;
    char name[32];

    assert_int_equal(reactor_new(&c, &r, NULL), 0);
    assert_int_equal(r->count, POLLERS);
    assert_int_equal(reactor_start(r, start, stop, seen, NULL), 0);
    reactor_call(r, call, &starts);
    for (unsigned i = 0; i < POLLERS; i++) {
        assert_ptr_equal(seen[i].poller, r->pollers[i]);
        assert_int_equal(seen[i].called, 1);
        assert_int_equal(seen[i].stopped, 0);
        snprintf(name, sizeof(name), "a-long-name/%u", i);
        assert_string_equal(seen[i].name, name);
        assert_in_range(seen[i].stack, c.stack_bytes, c.stack_bytes + 65536);
    }
    reactor_stop(r);
    reactor_stop(r); /* twice is once */
    for (unsigned i = 0; i < POLLERS; i++) {
        assert_int_equal(seen[i].started, 1);
        assert_int_equal(seen[i].stopped, 1);
    }
    reactor_free(r);
}

static void
test_reactor_call_from_round_to_round(void **state)
{
    struct reactor_config c = config(REACTOR_CPUS_NONE);
    struct reactor *r;

    assert_int_equal(reactor_new(&c, &r, NULL), 0);
    assert_int_equal(reactor_start(r, start, stop, seen, NULL), 0);
    for (unsigned round = 1; round <= 500; round++) {
        reactor_call(r, call, &starts);
        for (unsigned i = 0; i < POLLERS; i++)
            assert_int_equal(seen[i].called, round);
    }
    reactor_stop(r);
    reactor_free(r);
}

static void
test_reactor_call_one_runs_on_that_one(void **state)
{
    struct reactor_config c = config(REACTOR_CPUS_NONE);
    struct reactor *r;

    assert_int_equal(reactor_new(&c, &r, NULL), 0);
    reactor_call_one(r, 1, call, &starts); /* no thread is there yet */
    assert_int_equal(reactor_start(r, start, stop, seen, NULL), 0);
    reactor_call_one(r, 1, call, &starts);
    reactor_call_one(r, 1, call, &starts);
    for (unsigned i = 0; i < POLLERS; i++)
        assert_int_equal(seen[i].called, i == 1 ? 2 : 0);
    reactor_stop(r);
    reactor_free(r);
}

static void
test_reactor_start_that_fails_joins_all(void **state)
{
    for (int i = 0; i < POLLERS; i++) {
        struct reactor_config c = config(REACTOR_CPUS_NONE);
        struct err err = {0};
        struct reactor *r;

        assert_int_equal(reactor_new(&c, &r, NULL), 0);
        fail_at = i;
        assert_int_equal(reactor_start(r, start, stop, seen, &err), -EPERM);
        assert_non_null(strstr(err.text, "has no leave"));
        for (int j = 0; j < POLLERS; j++) {
            assert_int_equal(seen[j].started, j < i);
            assert_int_equal(seen[j].stopped, j < i);
        }
        reactor_free(r);
    }
}

static void
test_reactor_without_start_or_threads(void **state)
{
    struct reactor_config c = config(REACTOR_CPUS_NONE);
    struct reactor *r;

    assert_int_equal(reactor_new(&c, &r, NULL), 0);
    assert_int_equal(reactor_start(r, NULL, NULL, NULL, NULL), 0);
    reactor_stop(r);
    reactor_free(r);
    assert_int_equal(reactor_new(&c, &r, NULL), 0);
    reactor_stop(r);
    reactor_free(r);
    reactor_free(NULL);
}

static int
start_on_time(struct poller *p, void *arg, struct err *reterr)
{
    uint64_t now = clock_now_ns();

    assert(p->now_ns <= now && now - p->now_ns < 10 * NS_PER_S);
    return 0;
}

/* The pollers may have waited for the plugins to be made. */
static void
test_reactor_start_finds_the_clock_set(void **state)
{
    struct reactor_config c = config(REACTOR_CPUS_NONE);
    struct reactor *r;

    assert_int_equal(reactor_new(&c, &r, NULL), 0);
    for (unsigned i = 0; i < r->count; i++)
        r->pollers[i]->now_ns = 0;
    assert_int_equal(reactor_start(r, start_on_time, NULL, NULL, NULL), 0);
    reactor_stop(r);
    reactor_free(r);
}

/* ---- CPUs ------------------------------------------------------------------------------------ */

static void
check_pinned(const struct reactor *r, unsigned i, unsigned cpu)
{
    assert_int_equal(r->pollers[i]->cpu, cpu);
    assert_int_equal(CPU_COUNT(&seen[i].cpus), 1);
    assert_true(CPU_ISSET(cpu, &seen[i].cpus));
}

static void
test_reactor_pins_where_there_are_as_many_as_cpus(void **state)
{
    struct reactor_config c = config(REACTOR_CPUS_AUTO);
    unsigned allowed[POLLERS_MAX], count = cpus_allowed(allowed, POLLERS_MAX);
    struct reactor *r;

    assert_true(count > 0);
    c.pollers = 0;
    assert_int_equal(reactor_new(&c, &r, NULL), 0);
    assert_int_equal(r->count, count);
    if (count <= POLLERS) {
        assert_int_equal(reactor_start(r, start, stop, seen, NULL), 0);
        for (unsigned i = 0; i < count; i++)
            check_pinned(r, i, allowed[i]);
        reactor_stop(r);
    }
    reactor_free(r);
}

static void
test_reactor_does_not_pin_another_number(void **state)
{
    struct reactor_config c = config(REACTOR_CPUS_AUTO);
    unsigned allowed[POLLERS_MAX], count = cpus_allowed(allowed, POLLERS_MAX);
    struct reactor *r;

    c.pollers = count == 2 ? 3 : 2;
    assert_int_equal(reactor_new(&c, &r, NULL), 0);
    assert_int_equal(reactor_start(r, start, stop, seen, NULL), 0);
    for (unsigned i = 0; i < r->count; i++) {
        assert_int_equal(r->pollers[i]->cpu, -1);
        assert_int_equal(CPU_COUNT(&seen[i].cpus), count);
    }
    reactor_stop(r);
    reactor_free(r);
}

static void
test_reactor_pins_to_a_list(void **state)
{
    struct reactor_config c = config(REACTOR_CPUS_LIST);
    unsigned allowed[POLLERS_MAX], list[2];
    struct reactor *r;

    list[0] = allowed[cpus_allowed(allowed, POLLERS_MAX) - 1];
    list[1] = allowed[0];
    c.cpu_list = list;
    c.cpu_count = 2;
    assert_int_equal(reactor_new(&c, &r, NULL), 0);
    assert_int_equal(reactor_start(r, start, stop, seen, NULL), 0);
    for (unsigned i = 0; i < POLLERS; i++)
        check_pinned(r, i, list[i % 2]);
    reactor_stop(r);
    reactor_free(r);
}

static void
test_reactor_a_cpu_that_is_not_there_is_an_error(void **state)
{
    struct reactor_config c = config(REACTOR_CPUS_LIST);
    const unsigned list[] = {1000};
    struct err err = {0};
    struct reactor *r;

    c.cpu_list = list;
    c.cpu_count = 1;
    assert_int_equal(reactor_new(&c, &r, NULL), 0);
    assert_int_equal(reactor_start(r, start, stop, seen, &err), -EINVAL);
    assert_non_null(strstr(err.text, "on CPU 1000"));
    assert_int_equal(starts, 0);
    reactor_free(r);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reactor_starts_calls_and_stops_each_poller_once),
        cmocka_unit_test(test_reactor_call_from_round_to_round),
        cmocka_unit_test(test_reactor_call_one_runs_on_that_one),
        cmocka_unit_test(test_reactor_start_that_fails_joins_all),
        cmocka_unit_test(test_reactor_without_start_or_threads),
        cmocka_unit_test(test_reactor_start_finds_the_clock_set),
        cmocka_unit_test(test_reactor_pins_where_there_are_as_many_as_cpus),
        cmocka_unit_test(test_reactor_does_not_pin_another_number),
        cmocka_unit_test(test_reactor_pins_to_a_list),
        cmocka_unit_test(test_reactor_a_cpu_that_is_not_there_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
