#include <stdio.h>

#include <goevd/metrics.h>

#include "relay/relay.h"

struct relay_metric_row {
    const char *name, *unit, *help;
    enum goevd_metric_type type;
};

static const struct relay_metric_row relay_metrics[RELAY_METRICS] = {
    [RELAY_OPEN] = {"open", "connections", "clients that have an upstream", GOEVD_METRIC_GAUGE},
    [RELAY_CONNECTING] = {"connecting", "connections", "clients that wait for an upstream",
                          GOEVD_METRIC_GAUGE},
    [RELAY_CONNECTED] = {"connected", "connections", "clients that got an upstream",
                         GOEVD_METRIC_COUNTER},
    [RELAY_REFUSED] = {"refused", "connections", "clients that were reset for want of an upstream",
                       GOEVD_METRIC_COUNTER},
    [RELAY_RESET] = {"reset", "connections", "ended because one side was reset or failed",
                     GOEVD_METRIC_COUNTER},
    [RELAY_IDLE] = {"idle", "connections", "ended because one side was idle for too long",
                    GOEVD_METRIC_COUNTER},
    [RELAY_RESTING] = {"resting", "upstreams", "upstreams that did not answer when asked last",
                       GOEVD_METRIC_GAUGE},
    [RELAY_BYTES_UP] = {"bytes_up", "bytes", "taken from clients for upstreams",
                        GOEVD_METRIC_COUNTER},
    [RELAY_BYTES_DOWN] = {"bytes_down", "bytes", "taken from upstreams for clients",
                          GOEVD_METRIC_COUNTER},
};

static const struct relay_metric_row relay_upstream_metrics[RELAY_UPSTREAM_METRICS] = {
    [RELAY_UPSTREAM_OPEN] = {"open", "connections", "clients that this upstream has",
                             GOEVD_METRIC_GAUGE},
    [RELAY_UPSTREAM_CONNECTED] = {"connected", "connections", "clients that this upstream got",
                                  GOEVD_METRIC_COUNTER},
    [RELAY_UPSTREAM_FAILED] = {"failed", "attempts", "attempts to connect to it that failed",
                               GOEVD_METRIC_COUNTER},
};

static int
relay_metrics_add(struct relay_instance *i, const char *prefix, const struct relay_metric_row *list,
                  int count, int *ret_numbers)
{
    for (int n = 0; n < count; n++) {
        char name[64];
        int number;

        snprintf(name, sizeof(name), "%s%s", prefix, list[n].name);
        number = goevd_metric_new(i->self, name, list[n].unit, list[n].help, list[n].type);
        if (number < 0)
            return number;
        ret_numbers[n] = number;
    }
    return 0;
}

int
relay_metrics_init(struct relay_instance *i)
{
    int r = relay_metrics_add(i, "", relay_metrics, RELAY_METRICS, i->metrics);

    for (unsigned n = 0; r == 0 && n < i->upstream_count; n++) {
        char prefix[32];

        snprintf(prefix, sizeof(prefix), "upstream.%u.", n);
        r = relay_metrics_add(i, prefix, relay_upstream_metrics, RELAY_UPSTREAM_METRICS,
                              i->upstreams[n].metrics);
    }
    return r;
}
