#include "relay/relay.h"

static const struct goevd_option address_table[] = {
    {.type = GOEVD_OPTION_STRING, .min = 1, .max = 300},
    {.type = GOEVD_OPTION_END},
};

static const struct goevd_schema address_schema = GOEVD_SCHEMA(struct goevd_str, address_table);

GOEVD_TLS_SCHEMA(relay_tls_schema);

/* index: version of the header */
static const char *const proxy_choices[] = {"none", "v1", "v2", NULL};

static const struct goevd_option options_table[] = {
    {GOEVD_OPTION(struct relay_options, upstreams, "upstreams", LIST),
     .flags = GOEVD_OPTION_REQUIRED, .min = 1, .max = RELAY_UPSTREAMS_MAX, .item = &address_schema,
     .help = "Addresses of the upstreams: host:port, [v6]:port, unix:/path."},
    {GOEVD_OPTION(struct relay_options, connect_timeout_ns, "connect_timeout", DURATION),
     .def = "5s", .min = GOEVD_MILLISECOND, .max = 3600 * GOEVD_SECOND,
     .help = "Maximum time for one upstream to accept a connection."},
    {GOEVD_OPTION(struct relay_options, tries, "tries", INT), .def = "3", .min = 1,
     .max = RELAY_UPSTREAMS_MAX,
     .help = "Upstreams that are tried for one client before it is refused."},
    {GOEVD_OPTION(struct relay_options, rest_ns, "rest", DURATION), .def = "10s",
     .max = 86400 * GOEVD_SECOND,
     .help = "Time that a failed upstream is left alone while others answer."},
    {GOEVD_OPTION(struct relay_options, stop_quiet_ns, "stop_quiet", DURATION), .def = "1s",
     .min = GOEVD_MILLISECOND, .max = 3600 * GOEVD_SECOND,
     .help = "When goevd stops, a connection without traffic for this time is closed."},
    {GOEVD_OPTION(struct relay_options, proxy_protocol, "proxy_protocol", ENUM), .def = "none",
     .choices = proxy_choices,
     .help = "Header of the PROXY protocol that names the client to the upstream."},
    {GOEVD_OPTION(struct relay_options, tls, "tls", RECORD), .item = &relay_tls_schema,
     .help = "Connections to upstreams are encrypted by TLS. Default: they are plain."},
    {.type = GOEVD_OPTION_END},
};

const struct goevd_schema relay_options_schema = GOEVD_SCHEMA(struct relay_options, options_table);
