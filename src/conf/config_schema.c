/* goevd's own keys. Their help is what --describe and goevd.yaml(5) print. */
#include "conf/config_schema.h"

#include "base/limits.h"

static const char *const schema_levels[] = {"error", "warning", "notice", "info", "debug", NULL};
static const char *const schema_log_formats[] = {"text", "keyvalue", "json", NULL};
static const char *const schema_hang_actions[] = {"log", "abort", NULL};

static const struct goevd_option schema_repeats_options[] = {
    {.name = "max",
     .type = GOEVD_OPTION_INT,
     .offset = offsetof(struct config_repeats, max),
     .def = "100",
     .min = 0,
     .max = 1000000,
     .help = "Lines of one kind that are logged within an interval; 0: all."},
    {.name = "interval",
     .type = GOEVD_OPTION_DURATION,
     .offset = offsetof(struct config_repeats, interval_ns),
     .def = "10s",
     .min = SECOND / 10,
     .max = HOUR,
     .help = "The time in which lines are counted; at its end the log says how many are missing."},
    {0},
};

static const struct goevd_schema schema_repeats =
    GOEVD_SCHEMA(struct config_repeats, schema_repeats_options);

static const struct goevd_option schema_log_options[] = {
    {.name = "level",
     .type = GOEVD_OPTION_ENUM,
     .offset = offsetof(struct config_log, level),
     .flags = GOEVD_OPTION_RUNTIME,
     .def = "notice",
     .choices = schema_levels,
     .help = "The least urgent lines that are logged."},
    {.name = "target",
     .type = GOEVD_OPTION_STRING,
     .offset = offsetof(struct config_log, target),
     .def = "auto",
     .min = 1,
     .max = CONFIG_PATH_MAX,
     .help = "Where lines go: stderr; journal; the absolute path of a file; or auto, the journal "
             "where stderr leads there, and else stderr."},
    {.name = "format",
     .type = GOEVD_OPTION_ENUM,
     .offset = offsetof(struct config_log, format),
     .def = "text",
     .choices = schema_log_formats,
     .help =
         "How they read: as text, as key=value, or as JSON. The journal has fields of its own."},
    {.name = "repeats",
     .type = GOEVD_OPTION_RECORD,
     .offset = offsetof(struct config_log, repeats),
     .def = "{}",
     .item = &schema_repeats,
     .help = "Lines that are much alike, and soon after one another."},
    {0},
};

static const struct goevd_schema schema_log = GOEVD_SCHEMA(struct config_log, schema_log_options);

#define WORK_POOL(field) .offset = offsetof(struct config_work_pool, field)

static const struct goevd_option schema_work_pool_options[] = {
    {.name = "threads",
     .type = GOEVD_OPTION_INT,
     WORK_POOL(threads),
     .def = "4",
     .min = 1,
     .max = 256,
     .help = "Threads that run what plugins submit."},
    {.name = "queue_max",
     .type = GOEVD_OPTION_INT,
     WORK_POOL(queue_max),
     .def = "1024",
     .min = 1,
     .max = 1048576,
     .help = "Jobs that may wait for a thread; more are refused."},
    {.name = "stack",
     .type = GOEVD_OPTION_SIZE,
     WORK_POOL(stack_bytes),
     .def = "256KiB",
     .min = 64 * KIB,
     .max = 64 * MIB,
     .help = "Stack of each thread."},
    {0},
};

static const struct goevd_schema schema_work_pool =
    GOEVD_SCHEMA(struct config_work_pool, schema_work_pool_options);

static const struct goevd_option schema_hang_options[] = {
    {.name = "timeout",
     .type = GOEVD_OPTION_DURATION,
     .offset = offsetof(struct config_hang, timeout_ns),
     .flags = GOEVD_OPTION_RUNTIME,
     .def = "10s",
     .min = 0,
     .max = HOUR,
     .help = "How long a poller may be busy without serving anybody else; 0: for ever."},
    {.name = "action",
     .type = GOEVD_OPTION_ENUM,
     .offset = offsetof(struct config_hang, action),
     .flags = GOEVD_OPTION_RUNTIME,
     .def = "abort",
     .choices = schema_hang_actions,
     .help = "What a poller that hangs leads to. log: a line in the log. abort: that, and another "
             "worker in the place of this one."},
    {0},
};

static const struct goevd_schema schema_hang =
    GOEVD_SCHEMA(struct config_hang, schema_hang_options);

#define PROCESSES(field) .offset = offsetof(struct config_processes, field)

static const struct goevd_option schema_processes_options[] = {
    {.name = "workers_max",
     .type = GOEVD_OPTION_INT,
     PROCESSES(workers_max),
     .def = "16",
     .min = 2,
     .max = WORKERS_MAX,
     .help = "Workers that may live at once: one serves, one may start, the others drain. A reload "
             "that would need one more waits, for drain_min at most, and then ends the one that "
             "has drained longest."},
    {.name = "start_timeout",
     .type = GOEVD_OPTION_DURATION,
     PROCESSES(start_timeout_ns),
     .def = "60s",
     .min = SECOND,
     .max = HOUR,
     .help = "How long a worker that is to take over may need until it serves."},
    {.name = "drain_timeout",
     .type = GOEVD_OPTION_DURATION,
     PROCESSES(drain_timeout_ns),
     .def = "1h",
     .min = 0,
     .max = 30 * DAY,
     .help =
         "How long connections may take to finish after a reload, while another worker serves."},
    {.name = "drain_min",
     .type = GOEVD_OPTION_DURATION,
     PROCESSES(drain_min_ns),
     .def = "60s",
     .min = 0,
     .max = HOUR,
     .help = "How long a worker drains at least before a reload that needs its place ends it."},
    {.name = "crashes_max",
     .type = GOEVD_OPTION_INT,
     PROCESSES(crashes_max),
     .def = "10",
     .min = 1,
     .max = CRASHES_MAX,
     .help = "Workers that may die within crash_window; with the last of them goevd ends."},
    {.name = "crash_window",
     .type = GOEVD_OPTION_DURATION,
     PROCESSES(crash_window_ns),
     .def = "60s",
     .min = SECOND,
     .max = DAY,
     .help = "The time in which workers that die are counted together."},
    {0},
};

static const struct goevd_schema schema_processes =
    GOEVD_SCHEMA(struct config_processes, schema_processes_options);

static const struct goevd_option schema_control_options[] = {
    {.name = "socket",
     .type = GOEVD_OPTION_STRING,
     .offset = offsetof(struct config_control, socket),
     .min = 1,
     .max = CONFIG_CONTROL_PATH_MAX,
     .help = "Absolute path of the unix socket that goevd ctl speaks to. Default: there is none."},
    {0},
};

static const struct goevd_schema schema_control =
    GOEVD_SCHEMA(struct config_control, schema_control_options);

static const struct goevd_option schema_include_options[] = {
    {.type = GOEVD_OPTION_STRING, .min = 1, .max = 4000},
    {0},
};

static const struct goevd_schema schema_include =
    GOEVD_SCHEMA(struct goevd_str, schema_include_options);

#define TOP(field) .offset = offsetof(struct config_top, field)

static const struct goevd_option schema_top_options[] = {
    {.name = "include",
     .type = GOEVD_OPTION_LIST,
     TOP(include),
     .item = &schema_include,
     .help = "Files or patterns, relative to this file, whose keys are added to these."},
    {.name = "log",
     .type = GOEVD_OPTION_RECORD,
     TOP(log),
     .def = "{}",
     .item = &schema_log,
     .help = "What is logged."},
    {.name = "control",
     .type = GOEVD_OPTION_RECORD,
     TOP(control),
     .def = "{}",
     .item = &schema_control,
     .help = "How a running goevd is asked."},
    {.name = "user",
     .type = GOEVD_OPTION_STRING,
     TOP(user),
     .min = 1,
     .max = 64,
     .help = "Who serves, where goevd is started as root: a name or a number. Default: whoever "
             "starts it."},
    {.name = "group",
     .type = GOEVD_OPTION_STRING,
     TOP(group),
     .min = 1,
     .max = 64,
     .help = "The group of whoever serves, by name or number. Default: the user's."},
    {.name = "pid_file",
     .type = GOEVD_OPTION_STRING,
     TOP(pid_file),
     .min = 1,
     .max = CONFIG_PATH_MAX,
     .help = "Absolute path of a file that gets the process number of the supervisor. Default: "
             "there is none."},
    {.name = "plugin_dir",
     .type = GOEVD_OPTION_STRING,
     TOP(plugin_dir),
     .min = 1,
     .max = 4000,
     .help = "Where plugins are, relative to this file. Default: where goevd was installed with "
             "them."},
    {.name = "stop_timeout",
     .type = GOEVD_OPTION_DURATION,
     TOP(stop_timeout_ns),
     .def = "10s",
     .min = 0,
     .max = DAY,
     .help = "How long connections may take to finish when goevd stops."},
    {.name = "open_files_max",
     .type = GOEVD_OPTION_INT,
     TOP(open_files_max),
     .def = "0",
     .min = 0,
     .max = 1073741816,
     .help = "Limit of open files to set, RLIMIT_NOFILE; 0: the highest that goevd is allowed."},
    {.name = "work_pool",
     .type = GOEVD_OPTION_RECORD,
     TOP(work_pool),
     .def = "{}",
     .item = &schema_work_pool,
     .help = "The work pool, for jobs that would make a poller wait."},
    {.name = "connectors",
     .type = GOEVD_OPTION_RECORD,
     TOP(connectors),
     .def = "{}",
     .item = &schema_connectors,
     .help = "Connections that plugins open."},
    {.name = "hang",
     .type = GOEVD_OPTION_RECORD,
     TOP(hang),
     .def = "{}",
     .item = &schema_hang,
     .help = "What is done about a poller that stays in one callback."},
    {.name = "processes",
     .type = GOEVD_OPTION_RECORD,
     TOP(processes),
     .def = "{}",
     .item = &schema_processes,
     .help = "Workers: how many, how they take over from one another, what is done when they die."},
    {.name = "reactors",
     .type = GOEVD_OPTION_LIST,
     TOP(reactors),
     .def = "[{name: main}]",
     .min = 1,
     .max = CONFIG_REACTORS_MAX,
     .item = &schema_reactor,
     .help = "Named sets of poller threads."},
    {.name = "listeners",
     .type = GOEVD_OPTION_LIST,
     TOP(listeners),
     .flags = GOEVD_OPTION_REQUIRED,
     .min = 1,
     .max = CONFIG_LISTENERS_MAX,
     .item = &schema_listener,
     .help = "Addresses that are served."},
    {0},
};

const struct goevd_schema config_schema = GOEVD_SCHEMA(struct config_top, schema_top_options);
