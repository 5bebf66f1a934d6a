/* The options of the websocket plugin. */
#pragma once

#include <goevd/plugin.h>

/* Special items of `origins`. */
#define WS_ORIGIN_ANY "*"
#define WS_ORIGIN_SAME "same-origin" /* the origin whose host is that of the Host header */

struct ws_options {
    struct goevd_plugin *application;
    int64_t message_max;
    int64_t frame_max; /* 0: message_max */
    int64_t fragments_max;
    int64_t message_timeout_ns; /* 0: none */
    int64_t message_rate;       /* bytes per second; 0: none */
    int64_t ping_interval_ns;   /* 0: no pings */
    int64_t pong_timeout_ns;
    int64_t close_timeout_ns;
    int64_t stop_spread_ns;
    int64_t compress_level; /* 0: no compression */
    int64_t compress_min;
    int64_t compress_server_bits;
    int64_t compress_client_bits;
    bool compress_context;
    int64_t compress_memory_max;
    int64_t rooms_max;
    int64_t room_backlog_max;
    int room_slow; /* enum goevd_websocket_slow */
    int64_t publish_max;
    struct goevd_list origins; /* of struct goevd_str, as the next lists; see WS_ORIGIN_ */
    struct goevd_list protocols;
};

extern const struct goevd_schema ws_options_schema;
