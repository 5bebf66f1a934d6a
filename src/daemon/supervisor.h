/* The supervisor: holds the listening sockets, starts workers, watches them. It reads no
 * configuration, loads no plugin and never sees what a client sent. */
#pragma once

#include "daemon/cli.h"

/* Returns the exit status, when all has ended. */
int supervisor_run(const struct cli *cli, char **argv);
