#include "websocket/options.h"

#include <goevd/websocket.h>

#include "websocket/message/extensions.h"

static const struct goevd_option text_table[] = {
    {.type = GOEVD_OPTION_STRING, .min = 1, .max = 256},
    {.type = GOEVD_OPTION_END},
};

static const struct goevd_schema text_schema = GOEVD_SCHEMA(struct goevd_str, text_table);

/* In the order of enum goevd_websocket_slow. */
static const char *const slow_choices[] = {"close", "drop_oldest", "drop_newest", NULL};

static const struct goevd_option options_table[] = {
    {GOEVD_OPTION(struct ws_options, application, "application", PLUGIN),
     .flags = GOEVD_OPTION_REQUIRED, .interface_id = GOEVD_WEBSOCKET,
     .help = "The plugin that gets the messages."},
    {GOEVD_OPTION(struct ws_options, message_max, "message_max", SIZE), .def = "1MiB", .min = 125,
     .max = INT64_C(1) << 30,
     .help = "Length of a message; a longer one ends the connection with 1009."},
    {GOEVD_OPTION(struct ws_options, frame_max, "frame_max", SIZE), .def = "0",
     .max = INT64_C(1) << 30, .help = "Length of the payload of a frame; 0: as long as a message."},
    {GOEVD_OPTION(struct ws_options, message_timeout_ns, "message_timeout", DURATION), .def = "60s",
     .max = 86400 * GOEVD_SECOND,
     .help =
         "Time from the first byte of a message to its last, plus that of `message_rate`; 0: no "
         "limit."},
    {GOEVD_OPTION(struct ws_options, message_rate, "message_rate", RATE), .def = "1KiB/s",
     .max = INT64_C(1) << 40,
     .help = "Received bytes of a message that extend its time by a second; 0: none do."},
    {GOEVD_OPTION(struct ws_options, fragments_max, "fragments_max", INT), .def = "131072",
     .min = 1, .max = 1 << 30, .help = "Frames of one message; more end the connection with 1009."},
    {GOEVD_OPTION(struct ws_options, ping_interval_ns, "ping_interval", DURATION), .def = "30s",
     .max = 86400 * GOEVD_SECOND,
     .help = "Time without input after which a peer gets a ping; 0: no pings."},
    {GOEVD_OPTION(struct ws_options, pong_timeout_ns, "pong_timeout", DURATION), .def = "10s",
     .min = GOEVD_MILLISECOND, .max = 86400 * GOEVD_SECOND,
     .help = "Time after a ping in which the peer must send something."},
    {GOEVD_OPTION(struct ws_options, close_timeout_ns, "close_timeout", DURATION), .def = "5s",
     .min = GOEVD_MILLISECOND, .max = 3600 * GOEVD_SECOND,
     .help = "Maximum time for the reply to a close frame."},
    {GOEVD_OPTION(struct ws_options, stop_spread_ns, "stop_spread", DURATION), .def = "2s",
     .max = 3600 * GOEVD_SECOND,
     .help = "Time over which close frames are spread when goevd stops or reloads."},
    {GOEVD_OPTION(struct ws_options, compress_level, "compress_level", INT), .def = "1", .max = 9,
     .help = "Effort of zlib to compress messages; 0: no compression."},
    {GOEVD_OPTION(struct ws_options, compress_min, "compress_min", SIZE), .def = "128", .min = 1,
     .max = INT64_C(1) << 30, .help = "Length from which a message is compressed."},
    {GOEVD_OPTION(struct ws_options, compress_server_bits, "compress_server_bits", INT),
     .def = "12", .min = WS_DEFLATE_BITS_MIN, .max = WS_DEFLATE_BITS_MAX,
     .help = "LZ77 window of sent messages, as a power of two."},
    {GOEVD_OPTION(struct ws_options, compress_client_bits, "compress_client_bits", INT),
     .def = "12", .min = WS_DEFLATE_BITS_MIN, .max = WS_DEFLATE_BITS_MAX,
     .help = "LZ77 window of received messages, as a power of two, if the client can limit it."},
    {GOEVD_OPTION(struct ws_options, compress_context, "compress_context", BOOL), .def = "false",
     .help = "Let sent messages refer to earlier ones, with memory for each connection."},
    {GOEVD_OPTION(struct ws_options, compress_memory_max, "compress_memory_max", SIZE),
     .def = "256MiB", .max = INT64_C(1) << 40,
     .help = "Memory for the compression of all connections; offers beyond it are declined."},
    {GOEVD_OPTION(struct ws_options, rooms_max, "rooms_max", INT), .def = "64", .min = 1,
     .max = 1 << 20, .help = "Rooms that one connection may be in."},
    {GOEVD_OPTION(struct ws_options, room_backlog_max, "room_backlog_max", SIZE), .def = "256KiB",
     .max = INT64_C(1) << 30,
     .help = "Bytes of published messages that may wait for a slow connection."},
    {GOEVD_OPTION(struct ws_options, room_slow, "room_slow", ENUM), .def = "close",
     .choices = slow_choices,
     .help = "Action if that backlog is full: close with 1013, or drop the oldest or the newest "
             "message."},
    {GOEVD_OPTION(struct ws_options, publish_max, "publish_max", SIZE), .def = "64MiB", .min = 1024,
     .max = INT64_C(1) << 40,
     .help = "Bytes of published messages that have not reached all pollers; further ones are "
             "refused."},
    {GOEVD_OPTION(struct ws_options, origins, "origins", LIST), .max = 1024, .item = &text_schema,
     .help =
         "Permitted origins of pages, \"same-origin\" for those of this host, \"*\" for all; if "
         "absent, all are."},
    {GOEVD_OPTION(struct ws_options, protocols, "protocols", LIST), .max = 64, .item = &text_schema,
     .help = "Subprotocols; the first one that the client offers is chosen."},
    {.type = GOEVD_OPTION_END},
};

const struct goevd_schema ws_options_schema = GOEVD_SCHEMA(struct ws_options, options_table);
