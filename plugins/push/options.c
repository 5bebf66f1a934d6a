#include "push/push.h"

#include "common/options.h"

static const struct goevd_option options_table[] = {
    OPTION("address", STRING, address, "127.0.0.1:6379", 1, 300,
           "Where Redis listens: host:port, [v6]:port, unix:/path."),
    {.name = "key",
     .type = GOEVD_OPTION_STRING,
     .flags = GOEVD_OPTION_REQUIRED,
     .offset = offsetof(struct options, key),
     .min = 1,
     .max = 1024,
     .help = "The list that lines are pushed to, RPUSH."},
    OPTION("password", STRING, password, NULL, 1, 512, "For AUTH. Default: there is none."),
    OPTION("database", INT, database, "0", 0, 1000000, "For SELECT."),
    RUNTIME("unanswered_max", INT, unanswered_max, "1024", 1, 1 << 20,
            "Lines of one client that Redis has not answered, above which he is not read."),
    RUNTIME("hold", DURATION, hold_ns, "1s", 0, DAY,
            "How long a poller keeps its connection without lines, before the pool has it back."),
    RUNTIME("queue_max", SIZE, queue_max, "64MiB", 1024, INT64_C(1) << 32,
            "Bytes of lines that wait for a poller's connection."),
    OPTION("connect_timeout", DURATION, connect_timeout_ns, "5s", 1000000, 3600 * SECOND,
           "How long lines wait for a connection."),
    OPTION("min_idle", INT, min_idle, "1", 0, 65536, "Connections that the pool keeps ready."),
    OPTION("max_live", INT, max_live, "64", 1, 65536, "Connections that it has at most."),
    OPTION("growth", INT, growth, "1", 1, 65536, "Connections that it makes at once."),
    OPTION("idle_timeout", DURATION, idle_timeout_ns, "1m", 0, DAY,
           "How long it keeps more than min_idle without using them; 0: for ever."),
    OPTION("check_interval", DURATION, check_interval_ns, "15s", 0, DAY,
           "How often a ready one is asked with PING whether it is there; 0: never."),
    {.type = GOEVD_OPTION_END},
};

const struct goevd_schema push_options = GOEVD_SCHEMA(struct options, options_table);
