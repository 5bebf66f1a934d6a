#include "websocket/limit.h"

#include "websocket/metrics.h"

static const struct {
    const char *reason; /* reason in the close frame */
    const char *option;
} ws_limits[WS_LIMIT_COUNT] = {
    [WS_LIMIT_NONE] = {"", ""},
    [WS_LIMIT_MESSAGE] = {"message too long", "message_max"},
    [WS_LIMIT_FRAME] = {"frame too long", "frame_max"},
    [WS_LIMIT_FRAGMENTS] = {"too many fragments", "fragments_max"},
    [WS_LIMIT_TIME] = {"message too slow", "message_timeout"},
    [WS_LIMIT_REPLY] = {"reply too long", "output_max of the listener"},
    [WS_LIMIT_MEMORY] = {"no memory for compression", "compress_memory_max"},
    [WS_LIMIT_PONG] = {"no reply to a ping", "pong_timeout"},
    [WS_LIMIT_CLOSE] = {"no reply to the close frame", "close_timeout"},
    [WS_LIMIT_BACKLOG] = {"too slow", "room_backlog_max"},
};

const char *
ws_limit_reason(enum ws_limit limit)
{
    return ws_limits[limit].reason;
}

void
ws_limit_tell(const struct goevd_websocket_conn *w, enum ws_limit limit)
{
    if (limit == WS_LIMIT_NONE)
        return;
    ws_metrics_add(w, ws_conn_instance(w)->metrics.limits[limit], 1);
    goevd_conn_log(w->c, GOEVD_LOG_INFO, "WebSocket closed: %s (%s)", ws_limits[limit].reason,
                   ws_limits[limit].option);
}
