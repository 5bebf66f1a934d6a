/* The worker: loads the configuration and its plugins, takes the sockets, serves, drains. */
#pragma once

#include "worker/options.h"

/* As the supervisor's child, or alone with --single. Returns the exit status. */
int worker_run(const struct worker_options *options);
