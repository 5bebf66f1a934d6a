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
        {&ws->metrics.limits[WS_LIMIT_BACKLOG], "rooms.closed", "connections",
         "connections closed as too slow", GOEVD_METRIC_COUNTER},
        {&ws->metrics.limits[WS_LIMIT_MESSAGE], "closed.message_max", "connections",
         "closed because a message was too long", GOEVD_METRIC_COUNTER},
        {&ws->metrics.limits[WS_LIMIT_FRAME], "closed.frame_max", "connections",
         "closed because a frame was too long", GOEVD_METRIC_COUNTER},
        {&ws->metrics.limits[WS_LIMIT_FRAGMENTS], "closed.fragments_max", "connections",
         "closed because a message had too many frames", GOEVD_METRIC_COUNTER},
        {&ws->metrics.limits[WS_LIMIT_TIME], "closed.message_timeout", "connections",
         "closed because a message did not end in time", GOEVD_METRIC_COUNTER},
        {&ws->metrics.limits[WS_LIMIT_REPLY], "closed.output_max", "connections",
         "closed because the application had no room for its reply", GOEVD_METRIC_COUNTER},
        {&ws->metrics.limits[WS_LIMIT_MEMORY], "closed.compress_memory_max", "connections",
         "closed because a message in parts could not be inflated", GOEVD_METRIC_COUNTER},
        {&ws->metrics.limits[WS_LIMIT_PONG], "closed.pong_timeout", "connections",
         "closed because no reply to a ping came", GOEVD_METRIC_COUNTER},
        {&ws->metrics.limits[WS_LIMIT_CLOSE], "closed.close_timeout", "connections",
         "closed because no reply to a close frame came", GOEVD_METRIC_COUNTER},
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
