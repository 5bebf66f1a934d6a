/* The command line. */
#pragma once

#include "worker/options.h"

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
    struct worker_options worker; /* of all that load a configuration or a plugin */
    const char *name;             /* of --describe */
    const char *socket;           /* of ctl; NULL: the configuration names it */
    bool json;                    /* of ctl */
    bool all;                     /* of ctl stats */
    const char *listener;         /* of ctl connections; NULL: all */
    unsigned times;               /* of ctl top; 0: until a key ends it */
    const char *kind;             /* of plugin new; NULL: stream */
    char **args;                  /* of ctl and plugin: the command */
    int arg_count;
};

/* 0; -EINVAL after printing the fault to stderr. */
int cli_parse(int argc, char **argv, struct cli *ret);

void cli_print_help(void);
