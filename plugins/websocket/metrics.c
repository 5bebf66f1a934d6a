#include "websocket/metrics.h"

#include <goevd/metrics.h>

int
ws_metrics_new(struct ws_instance *ws)
{
    const struct {
        int *number;
        const char *name, *unit, *help;
        enum goevd_metric_type type;
    } rows[] = {
        {&ws->metrics.members, "rooms.members", "members", "connections, for each room they are in",
         GOEVD_METRIC_GAUGE},
        {&ws->metrics.published, "rooms.published", "messages", "messages to a room or to all",
         GOEVD_METRIC_COUNTER},
        {&ws->metrics.dropped, "rooms.dropped", "messages",
         "messages that a connection did not get, as it was too slow or there was no memory",
         GOEVD_METRIC_COUNTER},
        {&ws->metrics.closed, "rooms.closed", "connections", "connections closed as too slow",
         GOEVD_METRIC_COUNTER},
        {&ws->metrics.packed, "compress.messages", "messages",
         "messages that were compressed; one for many counts once for each size of window",
         GOEVD_METRIC_COUNTER},
        {&ws->metrics.packed_from, "compress.from", "bytes", "what they had before",
         GOEVD_METRIC_COUNTER},
        {&ws->metrics.packed_to, "compress.to", "bytes", "what they had then",
         GOEVD_METRIC_COUNTER},
        {&ws->metrics.malformed, "inflate.refused", "messages",
         "messages that came compressed and could not be inflated", GOEVD_METRIC_COUNTER},
    };
    int r = 1;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]) && r > 0; i++)
        *rows[i].number = r =
            goevd_metric_new(ws->self, rows[i].name, rows[i].unit, rows[i].help, rows[i].type);
    return r < 0 ? r : 0;
}
