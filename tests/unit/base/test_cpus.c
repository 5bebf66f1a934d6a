#include "unit/unit.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cpus.h"

static char folder[] = "/tmp/goevd-cpus-XXXXXX";
static char groups[64];

static void
put(const char *path, const char *text)
{
    FILE *out = fopen(path, "w");

    assert_non_null(out);
    fputs(text, out);
    fclose(out);
}

static void
put_quota(const char *group, const char *text)
{
    char path[128];

    snprintf(path, sizeof(path), "%s%s/cpu.max", folder, group);
    unlink(path);
    if (text)
        put(path, text);
}

static int
setup(void **state)
{
    char path[128];

    if (!mkdtemp(folder) || chdir(folder) < 0)
        return -1;
    snprintf(groups, sizeof(groups), "%s/groups", folder);
    snprintf(path, sizeof(path), "%s/slice", folder);
    mkdir(path, 0700);
    snprintf(path, sizeof(path), "%s/slice/unit", folder);
    return mkdir(path, 0700);
}

static int
teardown(void **state)
{
    put_quota("", NULL);
    put_quota("/slice", NULL);
    put_quota("/slice/unit", NULL);
    unlink(groups);
    return rmdir("slice/unit") < 0 || rmdir("slice") < 0 || rmdir(folder) < 0 ? -1 : 0;
}

static void
test_cpus_quota_is_the_smallest_of_all_groups_above(void **state)
{
    put(groups, "1:name=systemd:/other\n0::/slice/unit\n");
    put_quota("/slice/unit", "max 100000\n");
    assert_int_equal(cpus_quota(groups, folder), UINT32_MAX);
    put_quota("/slice", "400000 100000\n");
    assert_int_equal(cpus_quota(groups, folder), 4);
    put_quota("/slice/unit", "200000 100000\n");
    assert_int_equal(cpus_quota(groups, folder), 2);
    put_quota("", "100000 100000\n");
    assert_int_equal(cpus_quota(groups, folder), 1);
}

static void
test_cpus_quota_is_rounded_up(void **state)
{
    put(groups, "0::/\n");
    put_quota("", "150000 100000\n");
    assert_int_equal(cpus_quota(groups, folder), 2);
    put_quota("", "1000 100000\n");
    assert_int_equal(cpus_quota(groups, folder), 1);
    put_quota("", "nonsense\n");
    assert_int_equal(cpus_quota(groups, folder), UINT32_MAX);
    put_quota("", "1 0\n");
    assert_int_equal(cpus_quota(groups, folder), UINT32_MAX);
}

static void
test_cpus_without_a_group_of_version_2(void **state)
{
    put_quota("", "100000 100000\n");
    put(groups, "4:cpu,cpuacct:/\n");
    assert_int_equal(cpus_quota(groups, folder), UINT32_MAX);
    unlink(groups);
    assert_int_equal(cpus_quota(groups, folder), UINT32_MAX);
}

static void
test_cpus_allowed_are_those_of_the_mask(void **state)
{
    unsigned cpus[2], n = cpus_allowed(cpus, 2);
    cpu_set_t set;

    assert_int_equal(sched_getaffinity(0, sizeof(set), &set), 0);
    assert_int_equal(n, CPU_COUNT(&set));
    assert_true(CPU_ISSET(cpus[0], &set));
    assert_in_range(cpus_usable(), 1, n);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cpus_quota_is_the_smallest_of_all_groups_above),
        cmocka_unit_test(test_cpus_quota_is_rounded_up),
        cmocka_unit_test(test_cpus_without_a_group_of_version_2),
        cmocka_unit_test(test_cpus_allowed_are_those_of_the_mask),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
