#include "websocket/options.h"

#include <goevd/websocket.h>

#include "common/options.h"
#include "websocket/message/extensions.h"

static const struct goevd_option text_table[] = {
    {.type = GOEVD_OPTION_STRING, .min = 1, .max = 256},
    {.type = GOEVD_OPTION_END},
};

static const struct goevd_schema text_schema = GOEVD_SCHEMA(struct goevd_str, text_table);

/* In the order of enum goevd_websocket_slow. */
static const char *const slow_choices[] = {"close", "drop_oldest", "drop_newest", NULL};

static const struct goevd_option options_table[] = {
    {.name = "application",
     .type = GOEVD_OPTION_PLUGIN,
     .flags = GOEVD_OPTION_REQUIRED,
     .offset = offsetof(struct options, application),
     .interface_id = GOEVD_WEBSOCKET,
     .help = "the plugin that gets the messages"},
    OPTION("message_max", SIZE, message_max, "1MiB", 125, INT64_C(1) << 30,
           "length of a message; a longer one is refused with 1009"),
    OPTION("frame_max", SIZE, frame_max, "0", 0, INT64_C(1) << 30,
           "length of a frame's payload; 0: as long as a message"),
    OPTION("fragments_max", INT, fragments_max, "65536", 1, 1 << 30,
           "frames of which one message may consist; more are refused with 1009"),
    OPTION("ping_interval", DURATION, ping_interval_ns, "30s", 0, 86400 * SECOND,
           "a peer that was silent for so long gets a ping; 0: none"),
    OPTION("pong_timeout", DURATION, pong_timeout_ns, "10s", MILLISECOND, 86400 * SECOND,
           "how long it may stay silent after that before its connection is closed"),
    OPTION("close_timeout", DURATION, close_timeout_ns, "5s", MILLISECOND, 3600 * SECOND,
           "how long a close frame may take to be answered"),
    OPTION("stop_spread", DURATION, stop_spread_ns, "2s", 0, 3600 * SECOND,
           "over which time connections are closed when goevd stops or reloads"),
    OPTION("compress_level", INT, compress_level, "1", 0, 9,
           "effort of zlib to compress messages; 0: no extension is agreed upon"),
    OPTION("compress_min", SIZE, compress_min, "128", 1, INT64_C(1) << 30,
           "length from which on a message is compressed"),
    OPTION("compress_server_bits", INT, compress_server_bits, "12", DEFLATE_BITS_MIN,
           DEFLATE_BITS_MAX, "size of the window of messages that are sent, as a power of two"),
    OPTION("compress_client_bits", INT, compress_client_bits, "12", DEFLATE_BITS_MIN,
           DEFLATE_BITS_MAX, "the same of messages that come, where the client can limit it"),
    OPTION("compress_context", BOOL, compress_context, "false", 0, 0,
           "let messages that are sent refer to those before, each connection with memory for it"),
    OPTION("compress_memory", SIZE, compress_memory, "256MiB", 0, INT64_C(1) << 40,
           "memory for the compression of all connections; beyond it none is agreed upon"),
    OPTION("rooms_max", INT, rooms_max, "64", 1, 1 << 20,
           "rooms that a connection may be in at a time"),
    OPTION("room_backlog", SIZE, room_backlog, "256KiB", 0, INT64_C(1) << 30,
           "what is published and may wait for a connection that does not keep up"),
    {.name = "room_slow",
     .type = GOEVD_OPTION_ENUM,
     .offset = offsetof(struct options, room_slow),
     .def = "close",
     .choices = slow_choices,
     .help = "beyond that: close it with 1013, or drop the oldest or the newest that waits"},
    OPTION("publish_max", SIZE, publish_max, "64MiB", 1024, INT64_C(1) << 40,
           "what is published and has not reached all pollers; more is refused"),
    {.name = "origins",
     .type = GOEVD_OPTION_LIST,
     .offset = offsetof(struct options, origins),
     .max = 1024,
     .item = &text_schema,
     .help = "what a browser's Origin header may be; if absent anything"},
    {.name = "protocols",
     .type = GOEVD_OPTION_LIST,
     .offset = offsetof(struct options, protocols),
     .max = 64,
     .item = &text_schema,
     .help = "subprotocols; the first one that a client offers is agreed upon"},
    {.type = GOEVD_OPTION_END},
};

const struct goevd_schema options_schema = GOEVD_SCHEMA(struct options, options_table);
