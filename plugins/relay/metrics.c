#include <string.h>

#include <goevd/metrics.h>

#include "relay/relay.h"

#define RELAY_METRIC(name_, help_, type_)                                                          \
    {                                                                                              \
        .name = "goevd_relay_" name_, .help = (help_), .type = GOEVD_METRIC_##type_                \
    }
#define RELAY_BYTES(name_, help_)                                                                  \
    {                                                                                              \
        .name = "goevd_relay_" name_ "_bytes_total", .help = (help_),                              \
        .type = GOEVD_METRIC_COUNTER, .unit = GOEVD_METRIC_BYTES                                   \
    }
#define RELAY_UPSTREAM_METRIC(name_, help_, type_)                                                 \
    {                                                                                              \
        .name = "goevd_relay_upstream_" name_, .help = (help_), .type = GOEVD_METRIC_##type_,      \
        .labels = {"upstream"}, .configured_labels = 1                                             \
    }

static const struct goevd_metric relay_metrics[RELAY_METRICS] = {
    [RELAY_OPEN] = RELAY_METRIC("clients_open", "Clients that have an upstream.", GAUGE),
    [RELAY_CONNECTING] =
        RELAY_METRIC("clients_connecting", "Clients that wait for an upstream.", GAUGE),
    [RELAY_CONNECTED] =
        RELAY_METRIC("clients_connected_total", "Clients that got an upstream.", COUNTER),
    [RELAY_REFUSED] = RELAY_METRIC(
        "clients_refused_total", "Clients that were reset because no upstream answered.", COUNTER),
    [RELAY_RESET] =
        RELAY_METRIC("sessions_reset_total",
                     "Sessions that ended because one side was reset or failed.", COUNTER),
    [RELAY_IDLE] =
        RELAY_METRIC("sessions_idle_total",
                     "Sessions that ended because one side was idle for too long.", COUNTER),
    [RELAY_RESTING] =
        RELAY_METRIC("upstreams_resting", "Upstreams that did not answer the last attempt.", GAUGE),
    [RELAY_BYTES_UP] = RELAY_BYTES("up", "Bytes taken from clients for upstreams."),
    [RELAY_BYTES_DOWN] = RELAY_BYTES("down", "Bytes taken from upstreams for clients."),
};

static const struct goevd_metric relay_upstream_metrics[RELAY_UPSTREAM_METRICS] = {
    [RELAY_UPSTREAM_OPEN] =
        RELAY_UPSTREAM_METRIC("clients_open", "Clients that this upstream has.", GAUGE),
    [RELAY_UPSTREAM_CONNECTED] = RELAY_UPSTREAM_METRIC("clients_connected_total",
                                                       "Clients that this upstream got.", COUNTER),
    [RELAY_UPSTREAM_FAILED] = RELAY_UPSTREAM_METRIC(
        "connects_failed_total", "Attempts to connect to this upstream that failed.", COUNTER),
};

static int
relay_metrics_add(struct relay_instance *i, const struct goevd_metric *list, int count,
                  const char *const *values, int *ret_numbers)
{
    for (int n = 0; n < count; n++) {
        int number = goevd_metric_new(i->self, &list[n], values);

        if (number < 0)
            return number;
        ret_numbers[n] = number;
    }
    return 0;
}

/* Register the metrics of an upstream. Equal addresses share one set. */
static int
relay_metrics_add_upstream(struct relay_instance *i, struct relay_upstream *u)
{
    for (const struct relay_upstream *other = i->upstreams; other < u; other++)
        if (strcmp(other->address, u->address) == 0) {
            memcpy(u->metrics, other->metrics, sizeof(u->metrics));
            return 0;
        }
    return relay_metrics_add(i, relay_upstream_metrics, RELAY_UPSTREAM_METRICS, &u->address,
                             u->metrics);
}

int
relay_metrics_init(struct relay_instance *i)
{
    int r = relay_metrics_add(i, relay_metrics, RELAY_METRICS, NULL, i->metrics);

    for (unsigned n = 0; r == 0 && n < i->upstream_count; n++)
        r = relay_metrics_add_upstream(i, &i->upstreams[n]);
    return r;
}
