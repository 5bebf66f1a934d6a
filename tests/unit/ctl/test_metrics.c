#include "unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "ctl/metrics.h"
#include "metrics/reader.h"
#include "net/conn/net.h"
#include "net/conn/service.h"

#define EV_COUNT (sizeof(struct poller_metrics) / sizeof(metric))
#define NET_COUNT (sizeof(struct net_metrics) / sizeof(metric))
#define MARK (UINT64_C(1) << 40) /* above every possible value */

static struct poller *poller;
static struct registry registry;
static struct metrics metrics;
static struct reader reader;
static struct view view;

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

    if (poller_new(&config, &poller, NULL) < 0 || net_new(poller, 64, NULL) < 0 ||
        registry_init(&registry, -1, NULL) < 0 || metrics_init(&metrics, &registry, 1) < 0 ||
        registry_start(&registry, 1) < 0)
        return -1;
    poller_current = poller;
    metrics_attach(&metrics, poller);
    reader_init(&reader, &registry);
    return 0;
}

static int
teardown(void **state)
{
    view_fini(&view);
    reader_fini(&reader);
    net_of(poller)->conns = 0;
    net_free(poller);
    poller_free(poller);
    registry_fini(&registry);
    return 0;
}

static void
take(void)
{
    view_fini(&view);
    metrics_collect(&metrics, poller);
    assert_int_equal(reader_take(&reader, &view), 0);
}

/* label NULL: it has none. */
static uint64_t
value(const char *name, const char *label)
{
    const struct view_family *f = view_find_family(&view, name);
    const struct view_series *s = f ? view_find(&view, f, &label) : NULL;

    if (!s)
        fail_msg("there is no metric %s of %s", name, label ? label : "nothing");
    return s->cells[0];
}

/* Each field has a number of its own, and each number must come out once. */
static void
test_metrics_every_field_is_taken_once(void **state)
{
    unsigned seen[EV_COUNT + NET_COUNT] = {0};
    metric *ev = (metric *)poller->metrics, *net = (metric *)net_of(poller)->metrics;

    for (unsigned i = 0; i < EV_COUNT; i++)
        ev[i] = MARK + i;
    for (unsigned i = 0; i < NET_COUNT; i++)
        net[i] = MARK + EV_COUNT + i;
    take();
    for (size_t i = 0; i < view.family_count; i++)
        for (const struct view_series *s = view.families[i]->first; s; s = s->next)
            if (s->cells[0] >= MARK)
                seen[s->cells[0] - MARK]++;
    for (unsigned i = 0; i < ARRAY_LEN(seen); i++)
        assert_int_equal(seen[i], 1);
}

static void
test_metrics_are_taken_from_where_their_names_say(void **state)
{
    struct net *net = net_of(poller);
    const struct {
        const char *name, *label;
        metric *from;
    } some[] = {
        {"goevd_poller_wakeups_total", NULL, &poller->metrics->rounds},
        {"goevd_mailbox_messages_total", NULL, &poller->metrics->messages},
        {"goevd_connections_accepted_total", NULL, &poller->metrics->accepted},
        {"goevd_connections_refused_total", "fds", &net->metrics->refused[NET_REFUSED_FDS]},
        {"goevd_connections_refused_total", "error", &net->metrics->refused[NET_REFUSED_ERROR]},
        {"goevd_connections_closed_total", "handler", &net->metrics->closed[GOEVD_REASON_HANDLER]},
        {"goevd_connections_closed_total", "idle", &net->metrics->closed[GOEVD_REASON_IDLE]},
        {"goevd_connections_closed_total", "upgraded",
         &net->metrics->closed[GOEVD_REASON_UPGRADED]},
        {"goevd_proxy_headers_total", "read", &net->metrics->proxy[NET_PROXY_READ]},
        {"goevd_connects_failed_total", "refused",
         &net->metrics->connect_failed[NET_CONNECT_REFUSED]},
        {"goevd_received_bytes_total", NULL, &net->metrics->bytes_in},
        {"goevd_sent_bytes_total", NULL, &net->metrics->bytes_out},
        {"goevd_sends_total", "dropped", &net->metrics->sends_dropped},
    };

    for (size_t i = 0; i < ARRAY_LEN(some); i++) {
        metric_set(some[i].from, 7000 + i);
        take();
        assert_int_equal(value(some[i].name, some[i].label), 7000 + i);
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

    take();
    assert_int_equal(value("goevd_timers_armed", NULL), 0);
    assert_int_equal(value("goevd_connections_open", NULL), 0);
    assert_int_equal(timer_arm(&poller->timers, &timer, UINT64_MAX - 1), 0);
    net_of(poller)->conns = 5;
    for (int i = 0; i < 2; i++)
        buffer_give(&poller->buffers, buffer_take(&poller->buffers, 256), 256);
    free(buffer_take(&poller->buffers, 512));
    take();
    assert_int_equal(value("goevd_timers_armed", NULL), 1);
    assert_int_equal(value("goevd_connections_open", NULL), 5);
    assert_int_equal(value("goevd_descriptors_watched", NULL), poller->slots.live);
    assert_int_equal(value("goevd_buffers_kept_bytes", NULL), 256);
    assert_int_equal(value("goevd_buffers_taken_total", "malloc"), 2);
    assert_int_equal(value("goevd_buffers_taken_total", "cache"), 1);
    timer_cancel(&poller->timers, &timer);
    take();
    assert_int_equal(value("goevd_timers_armed", NULL), 0);
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
    take();
    assert_int_equal(value("goevd_memory_bytes", "connections"), 0);
    assert_int_equal(value("goevd_memory_bytes", "buffers"), 128);
    assert_int_equal(value("goevd_memory_bytes", "slots"), slots_bytes(&poller->slots));
    object = slab_alloc(&used->slab);
    metric_add(&net_of(poller)->queued, 77);
    take();
    assert_int_equal(value("goevd_memory_bytes", "connections"), SLAB_CHUNK_BYTES);
    assert_int_equal(value("goevd_output_queued_bytes", NULL), 77);
    assert_true(value("goevd_memory_bytes", "timers") > 0); /* one was armed */
    slab_free(&used->slab, object);
    service_free(used);
    take();
    assert_int_equal(value("goevd_memory_bytes", "connections"), 0);
    service_free(unused);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_metrics_every_field_is_taken_once),
        cmocka_unit_test(test_metrics_are_taken_from_where_their_names_say),
        cmocka_unit_test(test_metrics_gauges_follow_what_there_is),
        cmocka_unit_test(test_metrics_tell_memory_by_kind),
    };

    return cmocka_run_group_tests_name("metrics", tests, setup, teardown);
}
