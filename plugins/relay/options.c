#include "relay/relay.h"

#include "common/options.h"

static const struct goevd_option address_table[] = {
    {.type = GOEVD_OPTION_STRING, .min = 1, .max = 300},
    {.type = GOEVD_OPTION_END},
};

static const struct goevd_schema address_schema = GOEVD_SCHEMA(struct goevd_str, address_table);

static const char *const proxy_choices[] = {"none", "v1", "v2", NULL}; /* by their version */

static const struct goevd_option options_table[] = {
    {.name = "upstreams",
     .type = GOEVD_OPTION_LIST,
     .flags = GOEVD_OPTION_REQUIRED,
     .offset = offsetof(struct options, upstreams),
     .min = 1,
     .max = UPSTREAMS_MAX,
     .item = &address_schema,
     .help = "Where connections go: host:port, [v6]:port, unix:/path."},
    OPTION("connect_timeout", DURATION, connect_timeout_ns, "5s", MILLISECOND, 3600 * SECOND,
           "How long one upstream may take to accept a connection."),
    OPTION("tries", INT, tries, "3", 1, UPSTREAMS_MAX,
           "Upstreams that are tried for one client before it is refused."),
    OPTION("rest", DURATION, rest_ns, "10s", 0, 86400 * SECOND,
           "How long an upstream that has failed is left alone while others answer."),
    OPTION("stop_quiet", DURATION, stop_quiet_ns, "1s", MILLISECOND, 3600 * SECOND,
           "When goevd stops or reloads, a connection on which nothing has moved for so long is "
           "closed."),
    {.name = "proxy_protocol",
     .type = GOEVD_OPTION_ENUM,
     .offset = offsetof(struct options, proxy_protocol),
     .def = "none",
     .choices = proxy_choices,
     .help = "The header of the PROXY protocol that tells an upstream who its client is."},
    {.type = GOEVD_OPTION_END},
};

const struct goevd_schema relay_options = GOEVD_SCHEMA(struct options, options_table);
