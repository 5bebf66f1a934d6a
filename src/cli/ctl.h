/* goevd ctl. */
#pragma once

#include "cli/cli.h"

/* Returns the exit status. */
int ctl_run(const struct cli *cli);
