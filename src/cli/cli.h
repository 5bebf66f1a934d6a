/* The command line. */
#pragma once

#include "base/util.h"

#define CLI_CONFIG_DEFAULT "/etc/goevd/goevd.yaml"

/* Builds for developers are (meson.options). */
#ifndef CLI_STRICT_DEFAULT
#define CLI_STRICT_DEFAULT false
#endif

enum cli_mode {
    CLI_RUN,          /* supervisor and worker */
    CLI_SINGLE,       /* --single: a worker alone */
    CLI_WORKER,       /* --worker=FD: how the supervisor starts a worker; not for people */
    CLI_CHECK,        /* -t */
    CLI_DUMP,         /* -T */
    CLI_LIST_PLUGINS, /* --list-plugins */
    CLI_DESCRIBE,     /* --describe NAME */
    CLI_CTL,          /* ctl COMMAND */
    CLI_PLUGIN,       /* plugin COMMAND */
    CLI_VERSION,      /* -V */
    CLI_HELP,         /* -h */
};

struct cli {
    enum cli_mode mode;
    const char *config_file;
    const char *plugin_dir; /* NULL: not given */
    bool strict;            /* plugins are held to their rules */
    const char *name;       /* of --describe */
    const char *socket;     /* of ctl; NULL: the configuration names it */
    bool json;              /* of ctl */
    const char *listener;   /* of ctl connections; NULL: all */
    const char *kind;       /* of plugin new; NULL: stream */
    char **args;            /* of ctl and plugin: the command */
    int arg_count;
    int worker_fd;
    int verbosity; /* -q counts down, -v up */
};

/* 0; -EINVAL after telling stderr what is wrong. */
int cli_parse(int argc, char **argv, struct cli *ret);

void cli_print_help(void);

/* The log level that the configuration asks for, as -q and -v change it. */
int cli_log_level(const struct cli *cli, int configured);
