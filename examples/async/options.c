#include "async.h"

static const char *const orders[] = {"request", "completion", NULL};

static const struct goevd_option options_table[] = {
    {GOEVD_OPTION(struct options, order, "order", ENUM), .def = "request", .choices = orders,
     .help = "Answers in the order of the lines, or each as soon as its job has ended."},
    {GOEVD_OPTION(struct options, jobs_max, "jobs_max", INT), .def = "64", .min = 1, .max = 65536,
     .help = "Jobs of one client that have not ended, at which he is not read."},
    {GOEVD_OPTION(struct options, sleep_max_ns, "sleep_max", DURATION), .def = "10s",
     .max = 3600 * GOEVD_SECOND, .help = "The longest sleep that a client may ask for."},
    {GOEVD_OPTION(struct options, resolve, "resolve", BOOL), .def = "false",
     .help = "Whether clients may have names looked up."},
    {GOEVD_OPTION(struct options, root, "root", STRING), .min = 1, .max = 4095,
     .help = "The folder whose files clients may have digested. Default: there is none."},
    {GOEVD_OPTION(struct options, digest_max_bytes, "digest_max", SIZE), .def = "1GiB",
     .max = INT64_C(1) << 40, .help = "Bytes of the largest file that is digested."},
    {.type = GOEVD_OPTION_END},
};

const struct goevd_schema async_options = GOEVD_SCHEMA(struct options, options_table);
