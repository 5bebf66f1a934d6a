#include "base/cpus.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#define CPUS_FIRST 1024 /* bits that are tried first, ... */
#define CPUS_MAX 65536  /* ... and at the most */

/* ---- The affinity mask ----------------------------------------------------------------------- */

/* The kernel refuses a set that is smaller than its own. NULL: it has no answer. */
static cpu_set_t *
cpus_set(unsigned *ret_bits)
{
    for (unsigned bits = CPUS_FIRST; bits <= CPUS_MAX; bits *= 2) {
        cpu_set_t *set = CPU_ALLOC(bits);

        if (!set)
            return NULL;
        *ret_bits = bits;
        if (sched_getaffinity(0, CPU_ALLOC_SIZE(bits), set) == 0)
            return set;
        CPU_FREE(set);
        if (errno != EINVAL)
            return NULL;
    }
    return NULL;
}

unsigned
cpus_allowed(unsigned *cpus, unsigned max)
{
    unsigned bits = 0, n = 0;
    cpu_set_t *set = cpus_set(&bits);

    if (!set)
        return 0;
    for (unsigned cpu = 0; cpu < bits; cpu++) {
        if (!CPU_ISSET_S(cpu, CPU_ALLOC_SIZE(bits), set))
            continue;
        if (n < max)
            cpus[n] = cpu;
        n++;
    }
    CPU_FREE(set);
    return n;
}

/* ---- The control group ----------------------------------------------------------------------- */

/* "MAX PERIOD" in microseconds, or "max PERIOD". */
static unsigned
cpus_quota_of(const char *path)
{
    unsigned long long quota, period;
    FILE *in = fopen(path, "re");
    int n;

    if (!in)
        return UINT32_MAX;
    n = fscanf(in, "%llu %llu", &quota, &period);
    fclose(in);
    if (n != 2 || period == 0)
        return UINT32_MAX;
    return (unsigned)MIN(MAX(quota / period + (quota % period > 0), 1ull),
                         (unsigned long long)INT32_MAX);
}

/* The path of the group in the one hierarchy of version 2, without "/" at the end; false: none. */
static bool
cpus_group(const char *groups, char *ret, size_t size)
{
    FILE *in = fopen(groups, "re");
    bool found = false;

    if (!in)
        return false;
    while (!found && fgets(ret, (int)size, in))
        found = strncmp(ret, "0::/", 4) == 0;
    fclose(in);
    if (!found)
        return false;
    memmove(ret, ret + 3, strlen(ret + 3) + 1);
    ret[strcspn(ret, "\n")] = '\0';
    return true;
}

unsigned
cpus_quota(const char *groups, const char *mount)
{
    char group[4096], path[2 * 4096];
    unsigned quota = UINT32_MAX, here;
    char *slash;

    if (!cpus_group(groups, group, sizeof(group)))
        return UINT32_MAX;
    do {
        snprintf(path, sizeof(path), "%s%s/cpu.max", mount, group);
        here = cpus_quota_of(path);
        quota = MIN(quota, here);
        slash = strrchr(group, '/');
        if (slash)
            *slash = '\0';
    } while (slash);
    return quota;
}

unsigned
cpus_usable(void)
{
    unsigned quota = cpus_quota("/proc/self/cgroup", "/sys/fs/cgroup");

    return MIN(MAX(cpus_allowed(NULL, 0), 1), quota);
}
