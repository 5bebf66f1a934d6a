/* Keys of reactors, listeners and connectors. */
#include "conf/config_schema.h"

static const char *const schema_modes[] = {"reuseport", "acceptor", NULL};
static const char *const schema_proxy_others[] = {"accept", "refuse", NULL};
static const char *const schema_over_limit[] = {"close", "wait", NULL};

static const struct goevd_option schema_text_options[] = {
    {.type = GOEVD_OPTION_STRING, .min = 1, .max = 32},
    {0},
};

static const struct goevd_schema schema_text = GOEVD_SCHEMA(struct goevd_str, schema_text_options);

#define REACTOR(field) .offset = offsetof(struct config_reactor, field)

static const struct goevd_option schema_reactor_options[] = {
    {.name = "name",
     .type = GOEVD_OPTION_STRING,
     REACTOR(name),
     .flags = GOEVD_OPTION_REQUIRED,
     .min = 1,
     .max = 32,
     .help = "What listeners call it: a-z, 0-9, _ and -."},
    {.name = "pollers",
     .type = GOEVD_OPTION_STRING,
     REACTOR(pollers_text),
     .def = "auto",
     .min = 1,
     .max = 16,
     .help =
         "Threads: 1 to 256, or auto for one on each CPU that goevd may use: those of its affinity "
         "mask, or fewer where its control group (cpu.max) has less."},
    {.name = "cpus",
     .type = GOEVD_OPTION_LIST,
     REACTOR(cpus_text),
     .def = "[auto]",
     .min = 1,
     .max = CONFIG_CPUS_MAX,
     .item = &schema_text,
     .help = "CPUs to pin pollers to, as in [0, 1, 4-7]; none; or auto to pin where there are as "
             "many pollers as CPUs."},
    {.name = "read_buffer",
     .type = GOEVD_OPTION_SIZE,
     REACTOR(read_buffer_bytes),
     .def = "64KiB",
     .min = 4 * KIB,
     .max = 16 * MIB,
     .help = "The most that one read takes; each poller has one such buffer."},
    {.name = "write_buffer",
     .type = GOEVD_OPTION_SIZE,
     REACTOR(write_buffer_bytes),
     .def = "64KiB",
     .min = 4 * KIB,
     .max = 16 * MIB,
     .help = "Where writes of one round are gathered; each poller has one such buffer."},
    {.name = "buffer_cache_max",
     .type = GOEVD_OPTION_SIZE,
     REACTOR(buffer_cache_bytes),
     .def = "1MiB",
     .min = 0,
     .max = GIB,
     .help = "Memory that each poller keeps for the next who needs some; 0 keeps none."},
    {.name = "events_max",
     .type = GOEVD_OPTION_INT,
     REACTOR(events_max),
     .def = "256",
     .min = 1,
     .max = 4096,
     .help = "Events that a poller takes from the kernel at once."},
    {.name = "accepts_max",
     .type = GOEVD_OPTION_INT,
     REACTOR(accepts_max),
     .def = "64",
     .min = 1,
     .max = 4096,
     .help = "Connections accepted from one socket in a row, before others have their turn."},
    {.name = "messages_max",
     .type = GOEVD_OPTION_INT,
     REACTOR(messages_max),
     .def = "1024",
     .min = 1,
     .max = 65536,
     .help = "Messages from other threads handled in a row, before others have their turn."},
    {.name = "mailbox_max",
     .type = GOEVD_OPTION_INT,
     REACTOR(mailbox_max),
     .def = "65536",
     .min = 16,
     .max = 16777216,
     .help = "Sends from other threads that may wait for a poller; more are refused."},
    {.name = "stack",
     .type = GOEVD_OPTION_SIZE,
     REACTOR(stack_bytes),
     .def = "256KiB",
     .min = 64 * KIB,
     .max = 64 * MIB,
     .help = "Stack of each poller's thread."},
    {0},
};

const struct goevd_schema schema_reactor =
    GOEVD_SCHEMA(struct config_reactor, schema_reactor_options);

/* Rows that listeners and connectors share. */
#define SOCKET_OPTIONS(type_, keepalive_)                                                          \
    {.name = "receive_buffer",                                                                     \
     .type = GOEVD_OPTION_SIZE,                                                                    \
     .offset = offsetof(type_, socket.receive_buffer_bytes),                                       \
     .def = "0",                                                                                   \
     .min = 0,                                                                                     \
     .max = GIB,                                                                                   \
     .help = "The kernel's receive buffer, SO_RCVBUF; 0 leaves it to the kernel."},                \
        {.name = "send_buffer",                                                                    \
         .type = GOEVD_OPTION_SIZE,                                                                \
         .offset = offsetof(type_, socket.send_buffer_bytes),                                      \
         .def = "0",                                                                               \
         .min = 0,                                                                                 \
         .max = GIB,                                                                               \
         .help = "The kernel's send buffer, SO_SNDBUF; 0 leaves it to the kernel."},               \
        {.name = "nodelay",                                                                        \
         .type = GOEVD_OPTION_BOOL,                                                                \
         .offset = offsetof(type_, socket.nodelay),                                                \
         .def = "true",                                                                            \
         .help = "Send small writes at once, TCP_NODELAY."},                                       \
    {                                                                                              \
        .name = "keepalive", .type = GOEVD_OPTION_DURATION,                                        \
        .offset = offsetof(type_, socket.keepalive_ns), .def = (keepalive_), .min = 0,             \
        .max = 9 * HOUR,                                                                           \
        .help = "Idle time before the kernel probes whether the peer is there, TCP_KEEPIDLE; 0: "  \
                "never."                                                                           \
    }

#define LIMITS_OPTIONS(type_, idle_, rate_)                                                        \
    {.name = "idle_timeout",                                                                       \
     .type = GOEVD_OPTION_DURATION,                                                                \
     .offset = offsetof(type_, limits.idle_timeout_ns),                                            \
     .flags = GOEVD_OPTION_RUNTIME,                                                                \
     .def = (idle_),                                                                               \
     .min = 0,                                                                                     \
     .max = 365 * DAY,                                                                             \
     .help = "Close a connection on which nothing was read or written for this long; 0: never."},  \
        {.name = "close_timeout",                                                                  \
         .type = GOEVD_OPTION_DURATION,                                                            \
         .offset = offsetof(type_, limits.close_timeout_ns),                                       \
         .flags = GOEVD_OPTION_RUNTIME,                                                            \
         .def = "5s",                                                                              \
         .min = 0,                                                                                 \
         .max = HOUR,                                                                              \
         .help = "How long the peer of a closing connection may take no queued output."},          \
        {.name = "linger_timeout",                                                                 \
         .type = GOEVD_OPTION_DURATION,                                                            \
         .offset = offsetof(type_, limits.linger_timeout_ns),                                      \
         .flags = GOEVD_OPTION_RUNTIME,                                                            \
         .def = "2s",                                                                              \
         .min = 0,                                                                                 \
         .max = HOUR,                                                                              \
         .help =                                                                                   \
             "How long a closed socket waits for the peer to close too, so that no reply is lost " \
             "to a reset."},                                                                       \
        {.name = "tail_max",                                                                       \
         .type = GOEVD_OPTION_SIZE,                                                                \
         .offset = offsetof(type_, limits.tail_max_bytes),                                         \
         .def = "64KiB",                                                                           \
         .min = 256,                                                                               \
         .max = GIB,                                                                               \
         .help = "Bytes kept for a handler that has not consumed them."},                          \
        {.name = "frame_max",                                                                      \
         .type = GOEVD_OPTION_SIZE,                                                                \
         .offset = offsetof(type_, limits.frame_max_bytes),                                        \
         .def = "0",                                                                               \
         .min = 0,                                                                                 \
         .max = GIB,                                                                               \
         .help = "Bytes of one frame, for handlers that name a framing; 0: 16 less than "          \
                 "tail_max, which is the most."},                                                  \
        {.name = "output_low",                                                                     \
         .type = GOEVD_OPTION_SIZE,                                                                \
         .offset = offsetof(type_, limits.output_low_bytes),                                       \
         .flags = GOEVD_OPTION_RUNTIME,                                                            \
         .def = "64KiB",                                                                           \
         .min = 1,                                                                                 \
         .max = GIB,                                                                               \
         .help = "Queued output at which a connection that was paused is read again."},            \
        {.name = "output_high",                                                                    \
         .type = GOEVD_OPTION_SIZE,                                                                \
         .offset = offsetof(type_, limits.output_high_bytes),                                      \
         .flags = GOEVD_OPTION_RUNTIME,                                                            \
         .def = "1MiB",                                                                            \
         .min = 1,                                                                                 \
         .max = GIB,                                                                               \
         .help = "Queued output from which on a connection is not read."},                         \
        {.name = "output_max",                                                                     \
         .type = GOEVD_OPTION_SIZE,                                                                \
         .offset = offsetof(type_, limits.output_max_bytes),                                       \
         .flags = GOEVD_OPTION_RUNTIME,                                                            \
         .def = "16MiB",                                                                           \
         .min = 4 * KIB,                                                                           \
         .max = 64 * GIB,                                                                          \
         .help = "Queued output beyond which writes fail."},                                       \
        {.name = "output_rate",                                                                    \
         .type = GOEVD_OPTION_RATE,                                                                \
         .offset = offsetof(type_, limits.output_rate),                                            \
         .flags = GOEVD_OPTION_RUNTIME,                                                            \
         .def = (rate_),                                                                           \
         .min = 0,                                                                                 \
         .max = GIB,                                                                               \
         .help = "Close a connection whose peer takes less than this while output waits; 0: "      \
                 "however slow it is."},                                                           \
    {                                                                                              \
        .name = "output_timeout", .type = GOEVD_OPTION_DURATION,                                   \
        .offset = offsetof(type_, limits.output_timeout_ns), .flags = GOEVD_OPTION_RUNTIME,        \
        .def = "30s", .min = SECOND / 1000, .max = DAY,                                            \
        .help = "Over how long output_rate is measured."                                           \
    }

#define PROXY(field) .offset = offsetof(struct config_proxy, field)

static const struct goevd_option schema_cidr_options[] = {
    {.type = GOEVD_OPTION_STRING, .min = 1, .max = 64},
    {0},
};

static const struct goevd_schema schema_cidr = GOEVD_SCHEMA(struct goevd_str, schema_cidr_options);

static const struct goevd_option schema_proxy_options[] = {
    {.name = "from",
     .type = GOEVD_OPTION_LIST,
     PROXY(from),
     .flags = GOEVD_OPTION_REQUIRED,
     .min = 1,
     .max = 1024,
     .item = &schema_cidr,
     .help = "Where proxies connect from: addresses, networks such as 10.0.0.0/8, or unix."},
    {.name = "timeout",
     .type = GOEVD_OPTION_DURATION,
     PROXY(timeout_ns),
     .def = "5s",
     .min = 1000000,
     .max = HOUR,
     .help = "How long a proxy may take to send its header."},
    {.name = "header_max",
     .type = GOEVD_OPTION_SIZE,
     PROXY(header_max_bytes),
     .def = "4KiB",
     .min = 232,
     .max = 65551,
     .help = "Length of a header of version 2, with all its TLVs."},
    {.name = "others",
     .type = GOEVD_OPTION_ENUM,
     PROXY(others),
     .def = "accept",
     .choices = schema_proxy_others,
     .help = "Who connects from elsewhere. accept: is a client. refuse: is closed at once."},
    {0},
};

static const struct goevd_schema schema_proxy =
    GOEVD_SCHEMA(struct config_proxy, schema_proxy_options);

#define LISTENER(field) .offset = offsetof(struct config_listener, field)

static const struct goevd_option schema_listener_options[] = {
    {.name = "name",
     .type = GOEVD_OPTION_STRING,
     LISTENER(name),
     .min = 1,
     .max = 64,
     .help = "What the log and metrics call it: letters, digits, _, - and the dot. Default: the "
             "address."},
    {.name = "address",
     .type = GOEVD_OPTION_STRING,
     LISTENER(address),
     .flags = GOEVD_OPTION_REQUIRED,
     .min = 1,
     .max = 300,
     .help = "host:port, [v6]:port, :port, *:port, unix:/path or unix:@abstract."},
    {.name = "handler",
     .type = GOEVD_OPTION_PLUGIN,
     LISTENER(handler),
     .flags = GOEVD_OPTION_REQUIRED,
     .interface_id = GOEVD_STREAM,
     .help = "The plugin that serves the connections, with its options beneath its name."},
    {.name = "mode",
     .type = GOEVD_OPTION_ENUM,
     LISTENER(mode),
     .def = "reuseport",
     .choices = schema_modes,
     .help = "reuseport: every poller accepts for itself. acceptor: one accepts for all."},
    {.name = "reactor",
     .type = GOEVD_OPTION_STRING,
     LISTENER(reactor_text),
     .min = 1,
     .max = 32,
     .help = "The reactor that serves the connections. Default: the first."},
    {.name = "accept_reactor",
     .type = GOEVD_OPTION_STRING,
     LISTENER(accept_reactor_text),
     .min = 1,
     .max = 32,
     .help = "With mode: acceptor, the reactor that accepts. Default: the one that serves."},
    {.name = "backlog",
     .type = GOEVD_OPTION_INT,
     LISTENER(backlog),
     .def = "4096",
     .min = 1,
     .max = 65535,
     .help = "Connections that may wait in the kernel to be accepted, listen(2)."},
    SOCKET_OPTIONS(struct config_listener, "0"),
    {.name = "defer_accept",
     .type = GOEVD_OPTION_DURATION,
     LISTENER(defer_accept_ns),
     .def = "0",
     .min = 0,
     .max = HOUR,
     .help = "Accept only when the first bytes are there, or after this time, TCP_DEFER_ACCEPT; "
             "0: at once."},
    {.name = "ipv6_only",
     .type = GOEVD_OPTION_BOOL,
     LISTENER(ipv6_only),
     .def = "false",
     .help = "An IPv6 address serves no IPv4, IPV6_V6ONLY."},
    {.name = "steer",
     .type = GOEVD_OPTION_BOOL,
     LISTENER(steer),
     .def = "true",
     .help = "With mode: reuseport, give a connection to the poller on the CPU that it arrived on, "
             "SO_ATTACH_REUSEPORT_CBPF."},
    {.name = "imbalance",
     .type = GOEVD_OPTION_INT,
     LISTENER(imbalance_percent),
     .flags = GOEVD_OPTION_RUNTIME,
     .def = "20",
     .min = 0,
     .max = 100,
     .help = "Percent above the least loaded poller at which a poller hands connections over."},
    {.name = "socket_mode",
     .type = GOEVD_OPTION_STRING,
     LISTENER(socket_mode_text),
     .min = 1,
     .max = 8,
     .help = "Permissions of a unix: socket, in octal. Default: 0660."},
    {.name = "socket_owner",
     .type = GOEVD_OPTION_STRING,
     LISTENER(socket_owner),
     .min = 1,
     .max = 64,
     .help = "User, by name or number, that a unix: socket is given to."},
    {.name = "socket_group",
     .type = GOEVD_OPTION_STRING,
     LISTENER(socket_group),
     .min = 1,
     .max = 64,
     .help = "Group, by name or number, that a unix: socket is given to."},
    {.name = "proxy_protocol",
     .type = GOEVD_OPTION_RECORD,
     LISTENER(proxy),
     .item = &schema_proxy,
     .help = "Proxies that tell the client's address in a header, PROXY protocol."},
    {.name = "connections_max",
     .type = GOEVD_OPTION_INT,
     LISTENER(connections_max),
     .flags = GOEVD_OPTION_RUNTIME,
     .def = "100000",
     .min = 1,
     .max = 16777216,
     .help = "Connections open at once."},
    {.name = "connections_per_client_max",
     .type = GOEVD_OPTION_INT,
     LISTENER(connections_per_client_max),
     .def = "0",
     .min = 0,
     .max = 16777216,
     .help = "Connections open at once from one address; one too many is closed. 0: any number."},
    {.name = "over_limit",
     .type = GOEVD_OPTION_ENUM,
     LISTENER(over_limit),
     .flags = GOEVD_OPTION_RUNTIME,
     .def = "close",
     .choices = schema_over_limit,
     .help = "What one too many gets. close: closed at once. wait: it waits in the kernel."},
    LIMITS_OPTIONS(struct config_listener, "75s", "128B/s"),
    {0},
};

const struct goevd_schema schema_listener =
    GOEVD_SCHEMA(struct config_listener, schema_listener_options);

static const struct goevd_option schema_connectors_options[] = {
    {.name = "timeout",
     .type = GOEVD_OPTION_DURATION,
     .offset = offsetof(struct config_connectors, timeout_ns),
     .def = "10s",
     .min = 1000000,
     .max = HOUR,
     .help = "How long looking a name up and connecting may take, where a plugin does not say."},
    SOCKET_OPTIONS(struct config_connectors, "60s"),
    LIMITS_OPTIONS(struct config_connectors, "0", "128B/s"),
    {0},
};

const struct goevd_schema schema_connectors =
    GOEVD_SCHEMA(struct config_connectors, schema_connectors_options);
