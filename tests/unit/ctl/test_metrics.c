#include "unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "ctl/metrics.h"
#include "net/conn/net.h"
#include "net/conn/service.h"

#define EV_COUNT (sizeof(struct poller_metrics) / sizeof(metric))
#define NET_COUNT (sizeof(struct net_metrics) / sizeof(metric))
#define VALUES_MAX 256
#define MARK (UINT64_C(1) << 40) /* above what anything there is could be */

static struct poller *poller;
static uint64_t values[VALUES_MAX];

static int
setup(void **state)
{
    static const struct poller_config config = {.read_buffer_bytes = 64,
                                                .write_buffer_bytes = 64,
                                                .events_max = 16,
                                                .accepts_max = 16,
                                                .messages_max = 16,
                                                .mailbox_max = 16,
                                                .buffers_kept_max = 4096};

    return poller_new(&config, &poller, NULL) < 0 || net_new(poller, 64, NULL) < 0 ? -1 : 0;
}

static int
teardown(void **state)
{
    net_of(poller)->conns = 0;
    net_free(poller);
    poller_free(poller);
    return 0;
}

static unsigned
find(const char *name)
{
    for (unsigned i = 0; i < metrics_count(); i++)
        if (strcmp(metrics_row(i)->name, name) == 0)
            return i;
    fail_msg("there is no figure %s", name);
    return 0;
}

static void
test_metrics_have_names_that_need_no_quoting_and_are_unique(void **state)
{
    for (unsigned i = 0; i < metrics_count(); i++) {
        const struct metric_row *row = metrics_row(i);

        assert_int_equal(strspn(row->name, "abcdefghijklmnopqrstuvwxyz0123456789_."),
                         strlen(row->name));
        assert_true(*row->name && *row->unit && *row->help);
        assert_null(strpbrk(row->unit, "\"\\"));
        assert_null(strpbrk(row->help, "\"\\"));
        assert_int_equal(find(row->name), i);
    }
}

/* Each field has a number of its own, and each number must come out once. */
static void
test_metrics_every_field_is_taken_once(void **state)
{
    unsigned seen[EV_COUNT + NET_COUNT] = {0};
    metric *ev = (metric *)&poller->metrics, *net = (metric *)&net_of(poller)->metrics;

    assert_true(metrics_count() <= VALUES_MAX);
    for (unsigned i = 0; i < EV_COUNT; i++)
        ev[i] = MARK + i;
    for (unsigned i = 0; i < NET_COUNT; i++)
        net[i] = MARK + EV_COUNT + i;
    metrics_take(poller, values);
    for (unsigned i = 0; i < metrics_count(); i++)
        if (values[i] >= MARK)
            seen[values[i] - MARK]++;
    for (unsigned i = 0; i < ARRAY_LEN(seen); i++)
        assert_int_equal(seen[i], 1);
}

static void
test_metrics_are_taken_from_where_their_names_say(void **state)
{
    struct net *net = net_of(poller);
    const struct {
        const char *name;
        const metric *from;
    } some[] = {
        {"poller.rounds", &poller->metrics.rounds},
        {"mailbox.messages", &poller->metrics.messages},
        {"connections.accepted", &poller->accepted},
        {"connections.refused.fds", &net->metrics.refused[NET_REFUSED_FDS]},
        {"connections.refused.error", &net->metrics.refused[NET_REFUSED_ERROR]},
        {"connections.closed.handler", &net->metrics.closed[GOEVD_REASON_HANDLER]},
        {"connections.closed.idle", &net->metrics.closed[GOEVD_REASON_IDLE]},
        {"connections.closed.upgraded", &net->metrics.closed[GOEVD_REASON_UPGRADED]},
        {"bytes.in", &net->metrics.bytes_in},
        {"bytes.out", &net->metrics.bytes_out},
        {"sends.dropped", &net->metrics.sends_dropped},
    };
    uint64_t n = 7000;

    for (size_t i = 0; i < ARRAY_LEN(some); i++) {
        unsigned row = find(some[i].name);

        /* The tables are the test's own: nobody else counts in them. */
        metric_add((metric *)(uintptr_t)some[i].from, ++n);
        metrics_take(poller, values);
        assert_int_equal(metrics_row(row)->type, GOEVD_METRIC_COUNTER);
        assert_int_equal(values[row], metric_get(some[i].from));
        assert_true(values[row] >= n);
    }
}

static void
nothing(struct timer *t, uint64_t now_ns)
{
}

static void
test_metrics_gauges_follow_what_there_is(void **state)
{
    struct timer timer = {.fn = nothing};

    metrics_take(poller, values);
    assert_int_equal(values[find("timers.armed")], 0);
    assert_int_equal(values[find("connections.open")], 0);
    assert_int_equal(metrics_row(find("timers.armed"))->type, GOEVD_METRIC_GAUGE);
    assert_int_equal(timer_arm(&poller->timers, &timer, UINT64_MAX - 1), 0);
    net_of(poller)->conns = 5;
    for (int i = 0; i < 2; i++)
        buffer_give(&poller->buffers, buffer_take(&poller->buffers, 256), 256);
    free(buffer_take(&poller->buffers, 512));
    metrics_take(poller, values);
    assert_int_equal(values[find("timers.armed")], 1);
    assert_int_equal(values[find("connections.open")], 5);
    assert_int_equal(values[find("slots.live")], poller->slots.live);
    assert_int_equal(values[find("buffers.kept")], 256);
    assert_int_equal(values[find("buffers.allocated")], 2);
    assert_int_equal(values[find("buffers.reused")], 1);
    timer_cancel(&poller->timers, &timer);
    metrics_take(poller, values);
    assert_int_equal(values[find("timers.armed")], 0);
}

/* Of two services, one of which has connections. */
static void
test_metrics_tell_memory_by_kind(void **state)
{
    static const struct goevd_stream stream = {.conn_size = 16};
    static const struct conn_limits limits = {.output_high = 1};
    struct service_handler handler = {.stream = &stream};
    struct service *used, *unused;
    void *object;

    assert_int_equal(service_new(net_of(poller), &handler, &transport_plain, &limits, &used), 0);
    assert_int_equal(service_new(net_of(poller), &handler, &transport_plain, &limits, &unused), 0);
    metrics_take(poller, values);
    assert_int_equal(values[find("memory.connections")], 0);
    assert_int_equal(values[find("memory.rooms")], 128);
    assert_int_equal(values[find("memory.slots")], slots_bytes(&poller->slots));
    object = slab_alloc(&used->slab);
    metric_add(&net_of(poller)->queued, 77);
    metrics_take(poller, values);
    assert_int_equal(values[find("memory.connections")], SLAB_CHUNK_BYTES);
    assert_int_equal(values[find("output.queued")], 77);
    assert_true(values[find("memory.timers")] > 0); /* one was armed */
    slab_free(&used->slab, object);
    service_free(used);
    metrics_take(poller, values);
    assert_int_equal(values[find("memory.connections")], 0);
    service_free(unused);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_metrics_have_names_that_need_no_quoting_and_are_unique),
        cmocka_unit_test(test_metrics_every_field_is_taken_once),
        cmocka_unit_test(test_metrics_are_taken_from_where_their_names_say),
        cmocka_unit_test(test_metrics_gauges_follow_what_there_is),
        cmocka_unit_test(test_metrics_tell_memory_by_kind),
    };

    return cmocka_run_group_tests_name("metrics", tests, setup, teardown);
}
