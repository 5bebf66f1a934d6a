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
     .help = "Name for use in listeners: a-z, 0-9, _ and -."},
    {.name = "pollers",
     .type = GOEVD_OPTION_STRING,
     REACTOR(pollers_text),
     .def = "auto",
     .min = 1,
     .max = 16,
     .help = "Threads: 1 to 256, or auto for one on each CPU that goevd may use: those of its "
             "affinity mask, or fewer where its control group (cpu.max) has less."},
    {.name = "cpus",
     .type = GOEVD_OPTION_LIST,
     REACTOR(cpus_text),
     .def = "[auto]",
     .min = 1,
     .max = CONFIG_CPUS_MAX,
     .item = &schema_text,
     .help = "CPUs that the pollers are pinned to, as in [0, 1, 4-7]; none; or auto, which pins if "
             "there are as many pollers as CPUs."},
    {.name = "read_buffer",
     .type = GOEVD_OPTION_SIZE,
     REACTOR(read_buffer_bytes),
     .def = "64KiB",
     .min = 4 * KIB,
     .max = 16 * MIB,
     .help = "Maximum length of one read; each poller has one such buffer."},
    {.name = "write_buffer",
     .type = GOEVD_OPTION_SIZE,
     REACTOR(write_buffer_bytes),
     .def = "64KiB",
     .min = 4 * KIB,
     .max = 16 * MIB,
     .help = "Buffer in which the writes of a callback are gathered; each poller has one."},
    {.name = "buffer_cache_max",
     .type = GOEVD_OPTION_SIZE,
     REACTOR(buffer_cache_bytes),
     .def = "1MiB",
     .min = 0,
     .max = GIB,
     .help = "Memory that each poller keeps for its next use; 0 keeps none."},
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
     .help = "Connections accepted from one socket in a row, before other work has its turn."},
    {.name = "messages_max",
     .type = GOEVD_OPTION_INT,
     REACTOR(messages_max),
     .def = "1024",
     .min = 1,
     .max = 65536,
     .help = "Messages from other threads handled in a row, before other work has its turn."},
    {.name = "mailbox_max",
     .type = GOEVD_OPTION_INT,
     REACTOR(mailbox_max),
     .def = "65536",
     .min = 16,
     .max = 16777216,
     .help = "Sends from other threads that may wait for a poller; further sends are refused."},
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
        .help = "Idle time after which the kernel probes whether the peer still exists, "          \
                "TCP_KEEPIDLE; 0: no probes."                                                      \
    }

#define LIMITS_OPTIONS(type_, idle_, rate_)                                                        \
    {.name = "idle_timeout",                                                                       \
     .type = GOEVD_OPTION_DURATION,                                                                \
     .offset = offsetof(type_, limits.idle_timeout_ns),                                            \
     .flags = GOEVD_OPTION_RUNTIME,                                                                \
     .def = (idle_),                                                                               \
     .min = 0,                                                                                     \
     .max = 365 * DAY,                                                                             \
     .help = "Maximum time without any byte read or written; then the connection is closed. 0: "   \
             "no limit."},                                                                         \
        {.name = "close_timeout",                                                                  \
         .type = GOEVD_OPTION_DURATION,                                                            \
         .offset = offsetof(type_, limits.close_timeout_ns),                                       \
         .flags = GOEVD_OPTION_RUNTIME,                                                            \
         .def = "5s",                                                                              \
         .min = 0,                                                                                 \
         .max = HOUR,                                                                              \
         .help =                                                                                   \
             "Maximum time in which the peer of a closing connection takes no queued output."},    \
        {.name = "linger_timeout",                                                                 \
         .type = GOEVD_OPTION_DURATION,                                                            \
         .offset = offsetof(type_, limits.linger_timeout_ns),                                      \
         .flags = GOEVD_OPTION_RUNTIME,                                                            \
         .def = "2s",                                                                              \
         .min = 0,                                                                                 \
         .max = HOUR,                                                                              \
         .help = "Maximum time that a connection waits for its peer's close after its last "       \
                 "output, without any byte acknowledged or sent by the peer. 0: it does not wait."},\
        {.name = "linger_max",                                                                     \
         .type = GOEVD_OPTION_DURATION,                                                            \
         .offset = offsetof(type_, limits.linger_max_ns),                                          \
         .flags = GOEVD_OPTION_RUNTIME,                                                            \
         .def = "30s",                                                                             \
         .min = 0,                                                                                 \
         .max = HOUR,                                                                              \
         .help = "Maximum time that a closed connection reads on because its peer still sends."},  \
        {.name = "tail_max",                                                                       \
         .type = GOEVD_OPTION_SIZE,                                                                \
         .offset = offsetof(type_, limits.tail_max_bytes),                                         \
         .def = "64KiB",                                                                           \
         .min = 256,                                                                               \
         .max = GIB,                                                                               \
         .help = "Unconsumed input that is kept for the handler."},                                \
        {.name = "frame_max",                                                                      \
         .type = GOEVD_OPTION_SIZE,                                                                \
         .offset = offsetof(type_, limits.frame_max_bytes),                                        \
         .def = "0",                                                                               \
         .min = 0,                                                                                 \
         .max = GIB,                                                                               \
         .help = "Length of one frame, for handlers that read frames; 0: the maximum, 16 less "    \
                 "than tail_max."},                                                                \
        {.name = "output_low",                                                                     \
         .type = GOEVD_OPTION_SIZE,                                                                \
         .offset = offsetof(type_, limits.output_low_bytes),                                       \
         .flags = GOEVD_OPTION_RUNTIME,                                                            \
         .def = "64KiB",                                                                           \
         .min = 1,                                                                                 \
         .max = GIB,                                                                               \
         .help = "Queued output at which reading resumes after output_high has stopped it."},      \
        {.name = "output_high",                                                                    \
         .type = GOEVD_OPTION_SIZE,                                                                \
         .offset = offsetof(type_, limits.output_high_bytes),                                      \
         .flags = GOEVD_OPTION_RUNTIME,                                                            \
         .def = "1MiB",                                                                            \
         .min = 1,                                                                                 \
         .max = GIB,                                                                               \
         .help = "Queued output above which the connection is not read."},                         \
        {.name = "output_max",                                                                     \
         .type = GOEVD_OPTION_SIZE,                                                                \
         .offset = offsetof(type_, limits.output_max_bytes),                                       \
         .flags = GOEVD_OPTION_RUNTIME,                                                            \
         .def = "16MiB",                                                                           \
         .min = 4 * KIB,                                                                           \
         .max = 64 * GIB,                                                                          \
         .help = "Queued output above which writes of the handler are refused."},                  \
        {.name = "output_rate",                                                                    \
         .type = GOEVD_OPTION_RATE,                                                                \
         .offset = offsetof(type_, limits.output_rate),                                            \
         .flags = GOEVD_OPTION_RUNTIME,                                                            \
         .def = (rate_),                                                                           \
         .min = 0,                                                                                 \
         .max = GIB,                                                                               \
         .help = "Minimum rate at which the peer must take waiting output; a slower one is "       \
                 "closed. 0 disables the check."},                                                 \
    {                                                                                              \
        .name = "output_timeout", .type = GOEVD_OPTION_DURATION,                                   \
        .offset = offsetof(type_, limits.output_timeout_ns), .flags = GOEVD_OPTION_RUNTIME,        \
        .def = "30s", .min = SECOND / 1000, .max = DAY,                                            \
        .help = "Period over which output_rate is measured."                                       \
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
     .help = "Networks that the proxies connect from: addresses, networks such as 10.0.0.0/8, or "
             "unix."},
    {.name = "timeout",
     .type = GOEVD_OPTION_DURATION,
     PROXY(timeout_ns),
     .def = "5s",
     .min = 1000000,
     .max = HOUR,
     .help = "Maximum time for the header of a proxy."},
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
     .help = "Connections from other networks. accept: they are clients. refuse: they are closed "
             "at once."},
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
     .help =
         "Name for the log and metrics: letters, digits, _, - and the dot. Default: the address."},
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
     .help = "reuseport: every poller accepts its own connections. acceptor: one poller accepts "
             "for all."},
    {.name = "reactor",
     .type = GOEVD_OPTION_STRING,
     LISTENER(reactor_text),
     .min = 1,
     .max = 32,
     .help = "Reactor that serves the connections. Default: the first."},
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
     .help = "Accept a connection only after its first bytes have arrived, or after this time, "
             "TCP_DEFER_ACCEPT; 0: at once."},
    {.name = "ipv6_only",
     .type = GOEVD_OPTION_BOOL,
     LISTENER(ipv6_only),
     .def = "false",
     .help = "An IPv6 address accepts no IPv4 connections, IPV6_V6ONLY."},
    {.name = "steer",
     .type = GOEVD_OPTION_BOOL,
     LISTENER(steer),
     .def = "true",
     .help = "With mode: reuseport, give a connection to the poller on the CPU that received its "
             "packets, SO_ATTACH_REUSEPORT_CBPF."},
    {.name = "imbalance",
     .type = GOEVD_OPTION_INT,
     LISTENER(imbalance_percent),
     .flags = GOEVD_OPTION_RUNTIME,
     .def = "20",
     .min = 0,
     .max = 100,
     .help = "Percent above the least loaded poller at which a poller hands new connections over."},
    {.name = "socket_mode",
     .type = GOEVD_OPTION_STRING,
     LISTENER(socket_mode_text),
     .min = 1,
     .max = 8,
     .help = "Permissions of the file of a unix: socket, in octal. Default: 0660."},
    {.name = "socket_owner",
     .type = GOEVD_OPTION_STRING,
     LISTENER(socket_owner),
     .min = 1,
     .max = 64,
     .help = "Owner of the file of a unix: socket: name or uid."},
    {.name = "socket_group",
     .type = GOEVD_OPTION_STRING,
     LISTENER(socket_group),
     .min = 1,
     .max = 64,
     .help = "Group of the file of a unix: socket: name or gid."},
    {.name = "proxy_protocol",
     .type = GOEVD_OPTION_RECORD,
     LISTENER(proxy),
     .item = &schema_proxy,
     .help = "Proxies that send the client's address in a header, PROXY protocol. Default: no "
             "header is read."},
    {.name = "tls",
     .type = GOEVD_OPTION_RECORD,
     LISTENER(tls),
     .item = &schema_tls,
     .help = "Connections are encrypted by TLS, with these certificates. Default: they are plain."},
    {.name = "connections_max",
     .type = GOEVD_OPTION_INT,
     LISTENER(connections_max),
     .flags = GOEVD_OPTION_RUNTIME,
     .def = "100000",
     .min = 1,
     .max = 16777216,
     .help = "Open connections of this listener."},
    {.name = "connections_per_client_max",
     .type = GOEVD_OPTION_INT,
     LISTENER(connections_per_client_max),
     .def = "0",
     .min = 0,
     .max = 16777216,
     .help = "Open connections of one client; further ones are closed. 0: no limit."},
    {.name = "over_limit",
     .type = GOEVD_OPTION_ENUM,
     LISTENER(over_limit),
     .flags = GOEVD_OPTION_RUNTIME,
     .def = "close",
     .choices = schema_over_limit,
     .help = "Connections above connections_max. close: they are closed at once. wait: they wait "
             "in the kernel."},
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
     .help = "Maximum time for the name lookup and the connection, unless the plugin sets one."},
    {.name = "name_keep",
     .type = GOEVD_OPTION_DURATION,
     .offset = offsetof(struct config_connectors, name_keep_ns),
     .def = "5s",
     .min = 0,
     .max = HOUR,
     .help = "Time for which the addresses of a name are used before it is looked up again."},
    {.name = "name_stale",
     .type = GOEVD_OPTION_DURATION,
     .offset = offsetof(struct config_connectors, name_stale_ns),
     .def = "10m",
     .min = 0,
     .max = 86400 * NS_PER_S,
     .help = "Maximum time for which they are used while the lookup fails or takes more than "
             "half a second."},
    SOCKET_OPTIONS(struct config_connectors, "60s"),
    LIMITS_OPTIONS(struct config_connectors, "0", "128B/s"),
    {0},
};

const struct goevd_schema schema_connectors =
    GOEVD_SCHEMA(struct config_connectors, schema_connectors_options);
