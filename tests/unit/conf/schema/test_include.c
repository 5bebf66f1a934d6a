#include <sys/mman.h>
#include <sys/stat.h>

#include "unit/conf/kit.h"

#define ECHO(address) "listeners: {address: " address ", handler: echo}\n"

static void
clean(void)
{
    assert_int_equal(system("rm -rf *.yaml conf.d 'odd [dir]'"), 0);
    assert_int_equal(mkdir("conf.d", 0700), 0);
}

static const char *
address(size_t i)
{
    assert_true(i < kit_config->listener_count);
    return kit_config->listeners[i].address.data;
}

static void
test_include_joins_lists_in_order(void **state)
{
    static struct fake fake;

    clean();
    kit_write("conf.d/20.yaml", ECHO("c"));
    kit_write("conf.d/10.yaml", "listeners: [{address: b, handler: echo}]\n");
    kit_write("conf.d/30.txt", "not: read\n");
    kit_write("more.yaml", ECHO("d"));
    kit_accepted(&fake, "include: [conf.d/*.yaml, more.yaml]\n" ECHO("a"));
    assert_int_equal(kit_config->listener_count, 4);
    assert_string_equal(address(0), "a");
    assert_string_equal(address(1), "b");
    assert_string_equal(address(2), "c");
    assert_string_equal(address(3), "d");
    kit_done();
}

static void
test_include_merges_maps_and_fills_what_is_null(void **state)
{
    static struct fake fake;

    clean();
    kit_write("more.yaml", "log: {level: debug}\nstop_timeout: 3s\n" ECHO("a"));
    kit_accepted(&fake, "include: more.yaml\nlog: {}\nstop_timeout:\n");
    assert_int_equal(kit_config->log_level, 7);
    assert_int_equal(kit_config->stop_timeout_ns, INT64_C(3000000000));
    kit_done();
}

static void
test_include_is_relative_to_the_including_file(void **state)
{
    static struct fake fake;

    clean();
    assert_int_equal(mkdir("odd [dir]", 0700), 0);
    kit_write("odd [dir]/b.yaml", ECHO("b"));
    kit_write("odd [dir]/a.yaml", "include: b*.yaml\n");
    kit_accepted(&fake, "include: odd [dir]/a.yaml\n" ECHO("a"));
    kit_done();
    kit_accepted(&fake, "include: 'odd \\[dir]/a*.yaml'\n" ECHO("a"));
    assert_int_equal(kit_config->listener_count, 2);
    assert_string_equal(address(1), "b");
    kit_done();
}

static void
test_include_pattern_may_match_nothing(void **state)
{
    static struct fake fake;

    clean();
    kit_accepted(&fake, "include: [conf.d/*.yaml, nodir/*.yaml]\n" ECHO("a"));
    kit_done();
    kit_accepted(&fake, "include:\n" ECHO("a"));
    kit_done();
}

static void
test_include_errors_name_the_file_that_they_are_in(void **state)
{
    clean();
    kit_write("conf.d/a.yaml", "listeners:\n- address: b\n  handler: nosuch\nbanana: 1\n");
    kit_write("conf.d/b.yaml", "listeners: [{address: a, handler: echo}]\n");
    kit_refused(
        "include: conf.d/*\nlisteners:\n- {address: a, handler: echo, backlog: x}\n",
        "goevd.yaml:3:40: listeners[0].backlog: expected an integer, found \"x\"\n"
        "conf.d/a.yaml:3:12: listeners[1].handler: there is no plugin nosuch\n"
        "conf.d/a.yaml:4:1: banana: unknown key; known here: include, log, control, user, group, "
        "pid_file, plugin_dir, "
        "stop_timeout, stop_delay, open_files_max, work_pool, connectors, hang, processes, "
        "reactors, "
        "listeners\n"
        "conf.d/b.yaml:1:23: listeners[2].address: listeners[0] has the address \"a\" "
        "too\n");
}

static void
test_include_value_given_twice_names_both_places(void **state)
{
    clean();
    kit_write("more.yaml", "stop_timeout: 1s\nlog: {level: info}\n");
    kit_refused("include: more.yaml\nlog:\n  level: debug\nstop_timeout: 2s\n" ECHO("a"),
                "more.yaml:1:1: stop_timeout: is given twice; the first is at goevd.yaml:4:1\n"
                "more.yaml:2:7: log.level: is given twice; the first is at goevd.yaml:3:3\n");
}

static void
test_include_files_that_cannot_be_read(void **state)
{
    clean();
    assert_int_equal(mkfifo("conf.d/pipe", 0600), 0);
    kit_refused("include:\n- nothing.yaml\n- conf.d\n- conf.d/pipe\n- {}\n- ''\n" ECHO("a"),
                "goevd.yaml:2:3: include: nothing.yaml: cannot be read: No such file or "
                "directory; look at its name\n"
                "goevd.yaml:3:3: include: conf.d: is a directory; name its files, as in "
                "conf.d/*.yaml\n"
                "goevd.yaml:4:3: include: conf.d/pipe: is not a regular file\n"
                "goevd.yaml:5:3: include: expected a file name or pattern such as conf.d/*.yaml, "
                "found a map\n"
                "goevd.yaml:6:3: include: expected a file name or pattern such as conf.d/*.yaml, "
                "found nothing\n");
}

/* An empty directory is fine, but one that cannot be looked into might hold something. */
static void
test_include_directory_that_cannot_be_read(void **state)
{
    clean();
    assert_int_equal(symlink("self", "conf.d/self"), 0);
    kit_refused("include: conf.d/self/*.yaml\n" ECHO("a"),
                "goevd.yaml:1:10: include: conf.d/self/*.yaml: its directory cannot be read; check "
                "its permissions\n");
}

static void
test_include_circle_is_refused(void **state)
{
    clean();
    kit_write("b.yaml", "include: goevd.yaml\n");
    kit_refused("include: b.yaml\n" ECHO("a"),
                "b.yaml:1:10: include: goevd.yaml: includes itself\n");
    kit_refused("include: '*.yaml'\n" ECHO("a"),
                "goevd.yaml:1:10: include: goevd.yaml: includes itself\n"
                "b.yaml:1:10: include: goevd.yaml: includes itself\n");
}

static void
include_chain(int depth)
{
    char name[32], text[64];
    int i;

    for (i = 1; i <= depth; i++) {
        snprintf(name, sizeof(name), "%d.yaml", i);
        snprintf(text, sizeof(text), "include: %d.yaml\n", i + 1);
        kit_write(name, i < depth ? text : ECHO("a"));
    }
}

static void
test_include_depth_is_bounded(void **state)
{
    static struct fake fake;

    clean();
    include_chain(8);
    kit_accepted(&fake, "include: 1.yaml\n");
    kit_done();
    include_chain(9);
    kit_refused("include: 1.yaml\n", "8.yaml:1:10: include: 9.yaml: is included by too many files "
                                     "in a row (at most 8)\n");
}

static void
test_include_number_of_files_is_bounded(void **state)
{
    static struct fake fake;
    char name[32];
    int i;

    clean();
    for (i = 0; i < 255; i++) {
        snprintf(name, sizeof(name), "conf.d/%03d.yaml", i);
        kit_write(name, "");
    }
    kit_accepted(&fake, "include: conf.d/*\n" ECHO("a"));
    kit_done();
    kit_write("conf.d/255.yaml", "");
    kit_refused("include: conf.d/*\n" ECHO("a"), "goevd.yaml:1:10: include: conf.d/255.yaml: is "
                                                 "one file too many (at most 256)\n");
}

static void
test_include_file_size_is_bounded(void **state)
{
    static const char listen[] = ECHO("a");
    const size_t size = 1024 * 1024;
    char *text = malloc(size + 2);
    static struct fake fake;

    assert_non_null(text);
    clean();
    memset(text, '#', size + 1);
    memcpy(text, listen, sizeof(listen) - 1);
    text[size] = '\0';
    kit_accepted(&fake, text);
    kit_done();
    text[size] = '#';
    text[size + 1] = '\0';
    kit_refused(text, "goevd.yaml: is larger than 1MiB; split it with include:\n");
    free(text);
}

/* A file that is no YAML may have defined missing keys, so these are not reported. */
static void
test_include_broken_file_is_the_only_error(void **state)
{
    clean();
    kit_write("more.yaml", "listeners: [\n");
    kit_refused("include: more.yaml\n", "more.yaml:2:1: not YAML: did not find expected node "
                                        "content, while parsing a flow node\n");
}

/* The same files again, whatever has become of them. */
static void
replay(int fd)
{
    struct snapshot snapshot;
    struct conf_errors errors = {0};
    static struct fake fake;
    const struct conf_resolver resolver = fake_resolver(&fake);
    struct err err = {0};

    assert_int_equal(snapshot_replay(&snapshot, fd, &err), 0);
    assert_int_equal(
        config_load_checked("goevd.yaml", &snapshot, &resolver, NULL, NULL, &kit_config, &errors),
        0);
    snapshot_fini(&snapshot);
    assert_int_equal(kit_config->listener_count, 3);
    assert_string_equal(address(0), "a");
    assert_string_equal(address(1), "b");
    assert_string_equal(address(2), "c");
    config_free(kit_config);
    kit_config = NULL;
    conf_errors_fini(&errors);
}

static void
test_include_is_replayed_from_a_snapshot(void **state)
{
    static struct fake fake;
    const struct conf_resolver resolver = fake_resolver(&fake);
    struct snapshot snapshot;
    struct conf_errors errors = {0};
    struct err err = {0};
    int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    clean();
    kit_write("goevd.yaml", "include: [conf.d/*.yaml, more.yaml]\n" ECHO("a"));
    kit_write("conf.d/10.yaml", ECHO("b"));
    kit_write("more.yaml", ECHO("c"));
    snapshot_record(&snapshot);
    assert_int_equal(
        config_load_checked("goevd.yaml", &snapshot, &resolver, NULL, NULL, &kit_config, &errors),
        0);
    config_free(kit_config);
    assert_int_equal(snapshot_seal(&snapshot, fd, &err), 0);
    kit_write("conf.d/05.yaml", ECHO("new"));
    kit_write("conf.d/10.yaml", "broken: [");
    assert_int_equal(unlink("more.yaml"), 0);
    replay(fd);
    clean();
    replay(fd);
    close(fd);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_include_joins_lists_in_order),
        cmocka_unit_test(test_include_merges_maps_and_fills_what_is_null),
        cmocka_unit_test(test_include_is_relative_to_the_including_file),
        cmocka_unit_test(test_include_pattern_may_match_nothing),
        cmocka_unit_test(test_include_errors_name_the_file_that_they_are_in),
        cmocka_unit_test(test_include_value_given_twice_names_both_places),
        cmocka_unit_test(test_include_files_that_cannot_be_read),
        cmocka_unit_test(test_include_directory_that_cannot_be_read),
        cmocka_unit_test(test_include_circle_is_refused),
        cmocka_unit_test(test_include_depth_is_bounded),
        cmocka_unit_test(test_include_number_of_files_is_bounded),
        cmocka_unit_test(test_include_file_size_is_bounded),
        cmocka_unit_test(test_include_broken_file_is_the_only_error),
        cmocka_unit_test(test_include_is_replayed_from_a_snapshot),
    };

    return cmocka_run_group_tests(tests, kit_setup, kit_teardown);
}
