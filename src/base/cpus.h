/* CPUs that this process may use. */
#pragma once

#include "base/util.h"

/* Their numbers, in order, at most `max`; returns how many there are, 0 if the kernel does not
 * say. sched_getaffinity(2). */
unsigned cpus_allowed(unsigned *cpus, unsigned max);

/* CPUs' worth of time that the process may use, rounded up: the smallest cpu.max of its control
 * group and those above it. UINT32_MAX: as much as it likes. cgroups(7), version 2.
 *
 * groups  /proc/self/cgroup
 * mount   /sys/fs/cgroup */
unsigned cpus_quota(const char *groups, const char *mount);

/* How many threads can run at the same time: at least 1. */
unsigned cpus_usable(void);
