/* goevd ctl: the client of the control socket. */
#pragma once

#include "cli/cli.h"

/* Returns the exit status. */
int ctl_run(const struct cli *cli);
