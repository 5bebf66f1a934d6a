/* The commands that do not serve: -t, -T, --list-plugins, --describe. Each returns the exit
 * status. */
#pragma once

#include "cli/cli.h"

int check_config(const struct cli *cli);
int check_dump(const struct cli *cli);
int check_list_plugins(const struct cli *cli);
int check_describe(const struct cli *cli);
