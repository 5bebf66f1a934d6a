#include "async/async.h"

#include "common/options.h"

static const char *const orders[] = {"request", "completion", NULL};

static const struct goevd_option options_table[] = {
    {.name = "order",
     .type = GOEVD_OPTION_ENUM,
     .offset = offsetof(struct options, order),
     .def = "request",
     .choices = orders,
     .help = "Answers in the order of the lines, or each as soon as its job has ended."},
    OPTION("jobs_max", INT, jobs_max, "64", 1, 65536,
           "Jobs of one client that have not ended, at which he is not read."),
    OPTION("sleep_max", DURATION, sleep_max_ns, "10s", 0, 3600 * SECOND,
           "The longest sleep that a client may ask for."),
    OPTION("resolve", BOOL, resolve, "false", 0, 0, "Whether clients may have names looked up."),
    OPTION("root", STRING, root, NULL, 1, 4095,
           "The folder whose files clients may have digested. Default: there is none."),
    OPTION("digest_max", SIZE, digest_max_bytes, "1GiB", 0, INT64_C(1) << 40,
           "Bytes of the largest file that is digested."),
    {.type = GOEVD_OPTION_END},
};

const struct goevd_schema async_options = GOEVD_SCHEMA(struct options, options_table);
