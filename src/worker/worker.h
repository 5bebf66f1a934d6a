/* The worker: loads the configuration and its plugins, takes the sockets, serves, drains. */
#pragma once

#include "cli/cli.h"

/* As the supervisor's child, or alone with --single. Returns the exit status. */
int worker_run(const struct cli *cli);
