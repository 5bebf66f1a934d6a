/* The part of the command line that a worker starts from. */
#pragma once

#include <syslog.h>

#include "base/util.h"

struct worker_options {
    const char *config_file;
    const char *plugin_dir; /* NULL: not given */
    bool strict;            /* plugins are held to their rules */
    int verbosity;          /* -q counts down, -v up */
    int parent_fd;          /* the socket to the supervisor; -1: --single */
};

/* The log level that the configuration asks for, as -q and -v change it. */
static inline int
worker_options_level(const struct worker_options *options, int configured)
{
    return MIN(MAX(configured + options->verbosity, LOG_ERR), LOG_DEBUG);
}
