#include "websocket/metrics.h"

#include <stdio.h>

#include <goevd/metrics.h>

/* Register a counter for each limit, labeled with the name of its option. */
static int
ws_metrics_add_limits(struct ws_instance *ws)
{
    static const struct goevd_metric about = {
        .name = "goevd_websocket_connections_limited_total",
        .help = "Connections that were closed because of a limit.",
        .type = GOEVD_METRIC_COUNTER,
        .labels = {"limit"},
    };
    static const char *const names[WS_LIMIT_COUNT] = {
        [WS_LIMIT_BACKLOG] = "room_backlog_max",
        [WS_LIMIT_MESSAGE] = "message_max",
        [WS_LIMIT_FRAME] = "frame_max",
        [WS_LIMIT_FRAGMENTS] = "fragments_max",
        [WS_LIMIT_TIME] = "message_timeout",
        [WS_LIMIT_REPLY] = "output_max",
        [WS_LIMIT_MEMORY] = "compress_memory_max",
        [WS_LIMIT_PONG] = "pong_timeout",
        [WS_LIMIT_CLOSE] = "close_timeout",
    };

    for (size_t i = WS_LIMIT_NONE + 1; i < WS_LIMIT_COUNT; i++) {
        int number = goevd_metric_new(ws->self, &about, &names[i]);

        if (number < 0)
            return number;
        ws->metrics.limits[i] = number;
    }
    return 0;
}

/* Register a counter for each code. */
static int
ws_metrics_add_codes(struct ws_instance *ws)
{
    static const struct goevd_metric about = {
        .name = "goevd_websocket_connections_closed_total",
        .help =
            "Connections that ended, by the code of their first close frame; 1006: without one.",
        .type = GOEVD_METRIC_COUNTER,
        .labels = {"code"},
    };
    char code[8];
    int r = 0;

    for (size_t i = 0; r >= 0 && i < WS_CLOSED_COUNT; i++) {
        const char *value = i + 1 == WS_CLOSED_COUNT ? "other" : code;

        snprintf(code, sizeof(code), "%zu", WS_CLOSED_FIRST + i);
        r = ws->metrics.closed[i] = goevd_metric_new(ws->self, &about, &value);
    }
    return r;
}

void
ws_metrics_count_closed(const struct goevd_websocket_conn *w)
{
    unsigned i = (unsigned)w->code - WS_CLOSED_FIRST;

    if (i >= WS_CLOSED_COUNT)
        i = WS_CLOSED_COUNT - 1;
    ws_metrics_add(w, ws_conn_instance(w)->metrics.closed[i], 1);
}

int
ws_metrics_new(struct ws_instance *ws)
{
    const struct {
        int *number;
        struct goevd_metric about;
    } rows[] = {
        {&ws->metrics.open,
         {.name = "goevd_websocket_connections_open",
          .help = "WebSocket connections that are open.",
          .type = GOEVD_METRIC_GAUGE}},
        {&ws->metrics.received,
         {.name = "goevd_websocket_messages_received_total",
          .help = "Messages that were received and passed to the application.",
          .type = GOEVD_METRIC_COUNTER}},
        {&ws->metrics.members,
         {.name = "goevd_websocket_room_members",
          .help = "Connections in rooms, once for each room they are in.",
          .type = GOEVD_METRIC_GAUGE}},
        {&ws->metrics.published,
         {.name = "goevd_websocket_messages_published_total",
          .help = "Messages that were published to a room or to all.",
          .type = GOEVD_METRIC_COUNTER}},
        {&ws->metrics.dropped,
         {.name = "goevd_websocket_messages_dropped_total",
          .help =
              "Messages that a connection did not get because it was too slow or memory lacked.",
          .type = GOEVD_METRIC_COUNTER}},
        {&ws->metrics.packed,
         {.name = "goevd_websocket_messages_compressed_total",
          .help = "Messages compressed; one for many counts once for each size of window.",
          .type = GOEVD_METRIC_COUNTER}},
        {&ws->metrics.packed_from,
         {.name = "goevd_websocket_compression_input_bytes_total",
          .help = "Bytes of these messages before compression.",
          .type = GOEVD_METRIC_COUNTER,
          .unit = GOEVD_METRIC_BYTES}},
        {&ws->metrics.packed_to,
         {.name = "goevd_websocket_compression_output_bytes_total",
          .help = "Bytes of these messages after compression.",
          .type = GOEVD_METRIC_COUNTER,
          .unit = GOEVD_METRIC_BYTES}},
        {&ws->metrics.malformed,
         {.name = "goevd_websocket_messages_malformed_total",
          .help = "Messages that came compressed and could not be inflated.",
          .type = GOEVD_METRIC_COUNTER}},
    };
    int r = ws_metrics_add_limits(ws);

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]) && r >= 0; i++)
        *rows[i].number = r = goevd_metric_new(ws->self, &rows[i].about, NULL);
    if (r >= 0)
        r = ws_metrics_add_codes(ws);
    return r < 0 ? r : 0;
}
