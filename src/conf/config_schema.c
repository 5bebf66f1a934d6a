/* goevd's own keys. --describe prints their help; goevd.yaml(5) has more. */
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
     .help = "Lines of one kind that are logged in one interval; 0: no limit."},
    {.name = "interval",
     .type = GOEVD_OPTION_DURATION,
     .offset = offsetof(struct config_repeats, interval_ns),
     .def = "10s",
     .min = SECOND / 10,
     .max = HOUR,
     .help = "Length of the interval; at its end one line reports the number of suppressed lines."},
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
     .help = "Destination: stderr; journal; the absolute path of a file; or auto, which is the "
             "journal if stderr leads there, otherwise stderr."},
    {.name = "format",
     .type = GOEVD_OPTION_ENUM,
     .offset = offsetof(struct config_log, format),
     .def = "text",
     .choices = schema_log_formats,
     .help = "Format of a line: text, key=value or JSON. The journal has its own fields."},
    {.name = "repeats",
     .type = GOEVD_OPTION_RECORD,
     .offset = offsetof(struct config_log, repeats),
     .def = "{}",
     .item = &schema_repeats,
     .help = "Limit for repeated lines."},
    {0},
};

static const struct goevd_schema schema_log = GOEVD_SCHEMA(struct config_log, schema_log_options);

#define WORK_POOL(field) .offset = offsetof(struct config_work_pool, field)
#define WORK_THREADS(name_, field, def_, help_)                                                    \
    {                                                                                              \
        .name = (name_), .type = GOEVD_OPTION_INT, WORK_POOL(field), .def = (def_), .min = 1,      \
        .max = 256, .help = (help_)                                                                \
    }

static const struct goevd_option schema_work_pool_options[] = {
    {.name = "threads",
     .type = GOEVD_OPTION_INT,
     WORK_POOL(threads),
     .def = "4",
     .min = 1,
     .max = 256,
     .help = "Threads that run jobs of plugins."},
    WORK_THREADS("compute_threads", compute_threads, "4",
                 "Threads for jobs of plugins that only compute, such as hashes of passwords."),
    WORK_THREADS("file_threads", file_threads, "8",
                 "Threads that read files which are not in memory, and list directories."),
    WORK_THREADS("name_threads", name_threads, "8", "Threads that look names up."),
    WORK_THREADS("log_threads", log_threads, "4", "Threads that write access logs."),
    {.name = "queue_max",
     .type = GOEVD_OPTION_INT,
     WORK_POOL(queue_max),
     .def = "1024",
     .min = 1,
     .max = 1048576,
     .help = "Jobs of one plugin instance, disk or log file that may wait for a thread; more are "
             "refused."},
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
     .help = "Maximum time that a poller may stay in its callbacks; 0 disables the check."},
    {.name = "action",
     .type = GOEVD_OPTION_ENUM,
     .offset = offsetof(struct config_hang, action),
     .flags = GOEVD_OPTION_RUNTIME,
     .def = "abort",
     .choices = schema_hang_actions,
     .help = "Action if a poller hangs. log: a line in the log. abort: that, and another worker "
             "replaces this one."},
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
             "beyond that waits, for drain_min at most, and then ends the worker that has drained "
             "longest."},
    {.name = "start_timeout",
     .type = GOEVD_OPTION_DURATION,
     PROCESSES(start_timeout_ns),
     .def = "60s",
     .min = SECOND,
     .max = HOUR,
     .help = "Maximum time until a worker that replaces another one is ready."},
    {.name = "drain_timeout",
     .type = GOEVD_OPTION_DURATION,
     PROCESSES(drain_timeout_ns),
     .def = "1h",
     .min = 0,
     .max = 30 * DAY,
     .help =
         "Maximum time for connections to finish after a reload, while the next worker serves."},
    {.name = "drain_min",
     .type = GOEVD_OPTION_DURATION,
     PROCESSES(drain_min_ns),
     .def = "60s",
     .min = 0,
     .max = HOUR,
     .help = "Minimum time that a worker drains before a reload that needs its place ends it."},
    {.name = "crashes_max",
     .type = GOEVD_OPTION_INT,
     PROCESSES(crashes_max),
     .def = "10",
     .min = 1,
     .max = CRASHES_MAX,
     .help = "Number of workers that may die within crash_window; the last of them ends goevd."},
    {.name = "crash_window",
     .type = GOEVD_OPTION_DURATION,
     PROCESSES(crash_window_ns),
     .def = "60s",
     .min = SECOND,
     .max = DAY,
     .help = "Time within which deaths of workers are counted together."},
    {.name = "restart_timeout",
     .type = GOEVD_OPTION_DURATION,
     PROCESSES(restart_timeout_ns),
     .def = "30s",
     .min = SECOND,
     .max = DAY,
     .help = "Maximum time without a serving worker. Until then the supervisor starts others, and "
             "clients wait; afterwards it closes the sockets and exits."},
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
     .help = "Absolute path of the unix socket for goevd ctl. Default: no socket."},
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
     .help = "Further files or patterns, relative to this file, whose keys are added to these."},
    {.name = "log",
     .type = GOEVD_OPTION_RECORD,
     TOP(log),
     .def = "{}",
     .item = &schema_log,
     .help = "Level, target and format of the log."},
    {.name = "control",
     .type = GOEVD_OPTION_RECORD,
     TOP(control),
     .def = "{}",
     .item = &schema_control,
     .help = "The socket for goevd ctl."},
    {.name = "user",
     .type = GOEVD_OPTION_STRING,
     TOP(user),
     .min = 1,
     .max = 64,
     .help = "User that workers run as when goevd is started as root: name or uid. Default: the "
             "invoking user."},
    {.name = "group",
     .type = GOEVD_OPTION_STRING,
     TOP(group),
     .min = 1,
     .max = 64,
     .help = "Group of the workers: name or gid. Default: the primary group of the user."},
    {.name = "pid_file",
     .type = GOEVD_OPTION_STRING,
     TOP(pid_file),
     .min = 1,
     .max = CONFIG_PATH_MAX,
     .help = "Absolute path of a file for the process id of the supervisor. Default: no file."},
    {.name = "plugin_dir",
     .type = GOEVD_OPTION_STRING,
     TOP(plugin_dir),
     .min = 1,
     .max = 4000,
     .help = "Directory of plugins, relative to this file. Default: the directory of the "
             "installation."},
    {.name = "stop_timeout",
     .type = GOEVD_OPTION_DURATION,
     TOP(stop_timeout_ns),
     .def = "10s",
     .min = 0,
     .max = DAY,
     .help = "Maximum time for connections to finish when goevd stops."},
    {.name = "stop_delay",
     .type = GOEVD_OPTION_DURATION,
     TOP(stop_delay_ns),
     .def = "0",
     .min = 0,
     .max = DAY,
     .help = "Time for which goevd goes on accepting before it stops, while the probe ready of "
             "the handler health fails. 0: none."},
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
     .help = "Threads for jobs that would block a poller."},
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
     .help = "Detection of pollers that stay in one callback."},
    {.name = "processes",
     .type = GOEVD_OPTION_RECORD,
     TOP(processes),
     .def = "{}",
     .item = &schema_processes,
     .help = "Number and replacement of workers, and limits for crashes."},
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
     .help = "Addresses that goevd serves."},
    {0},
};

const struct goevd_schema config_schema = GOEVD_SCHEMA(struct config_top, schema_top_options);
