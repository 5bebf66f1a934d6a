/* goevd's own keys. */
#include <syslog.h>

#include "unit/conf/kit.h"

#define LISTEN "listeners: [{address: a, handler: echo}]\n"

static void
test_config_minimal_has_every_default(void **state)
{
    static struct fake fake;
    const struct config_reactor *reactor;
    const struct config_listener *listener;

    kit_accepted(&fake, LISTEN);
    assert_int_equal(kit_config->log_level, LOG_NOTICE);
    assert_int_equal(kit_config->stop_timeout_ns, INT64_C(10000000000));
    assert_int_equal(kit_config->open_files_max, 0);
    assert_null(kit_config->plugin_dir.data);
    assert_null(fake.plugin_dir.data);
    assert_int_equal(kit_config->reactor_count, 1);
    reactor = kit_config->reactors;
    assert_string_equal(reactor->name.data, "main");
    assert_in_range(reactor->pollers, 1, 256);
    assert_int_equal(reactor->cpus_mode, CONFIG_CPUS_AUTO);
    assert_int_equal(reactor->read_buffer_bytes, 65536);
    assert_int_equal(reactor->events_max, 256);
    assert_int_equal(reactor->accepts_max, 64);
    assert_int_equal(reactor->messages_max, 1024);
    assert_int_equal(reactor->mailbox_max, 65536);
    assert_int_equal(reactor->stack_bytes, 262144);
    assert_int_equal(kit_config->listener_count, 1);
    listener = kit_config->listeners;
    assert_string_equal(listener->name.data, "a");
    assert_int_equal(listener->mode, CONFIG_MODE_REUSEPORT);
    assert_int_equal(listener->reactor, 0);
    assert_int_equal(listener->accept_reactor, 0);
    assert_int_equal(listener->backlog, 4096);
    assert_true(listener->socket.nodelay);
    assert_true(listener->steer);
    assert_false(listener->ipv6_only);
    assert_int_equal(listener->socket_mode, 0660);
    assert_int_equal(listener->connections_max, 100000);
    assert_int_equal(listener->limits.idle_timeout_ns, INT64_C(75000000000));
    assert_int_equal(listener->limits.output_max_bytes, 16 << 20);
    assert_ptr_equal(listener->handler, &fake.places[0]);
    kit_done();
}

static void
test_config_log_levels_are_syslogs(void **state)
{
    static const char *const names[] = {"error", "warning", "notice", "info", "debug"};
    static const int levels[] = {LOG_ERR, LOG_WARNING, LOG_NOTICE, LOG_INFO, LOG_DEBUG};
    static struct fake fake;
    char text[128];
    size_t i;

    for (i = 0; i < ARRAY_LEN(names); i++) {
        snprintf(text, sizeof(text), "log: {level: %s}\n" LISTEN, names[i]);
        kit_accepted(&fake, text);
        assert_int_equal(kit_config->log_level, levels[i]);
        kit_done();
    }
}

static void
test_config_reactors_are_typed(void **state)
{
    static const unsigned expected[] = {0, 2, 4, 5, 6};
    static struct fake fake;
    const struct config_reactor *reactors;

    kit_accepted(&fake, "reactors:\n"
                        "- {name: a, pollers: 3, cpus: [0, 2, 4-6]}\n"
                        "- {name: b, pollers: auto, cpus: none}\n"
                        "- {name: c, pollers: 1, cpus: 7}\n"
                        "listeners:\n"
                        "- {address: x, handler: echo, reactor: b}\n"
                        "- {address: y, handler: echo, mode: acceptor, reactor: c, "
                        "accept_reactor: b}\n"
                        "- {address: z, handler: echo, mode: acceptor, reactor: c}\n");
    reactors = kit_config->reactors;
    assert_int_equal(reactors[0].pollers, 3);
    assert_int_equal(reactors[0].cpus_mode, CONFIG_CPUS_LIST);
    assert_int_equal(reactors[0].cpu_count, 5);
    assert_memory_equal(reactors[0].cpus, expected, sizeof(expected));
    assert_in_range(reactors[1].pollers, 1, 256);
    assert_int_equal(reactors[1].cpus_mode, CONFIG_CPUS_NONE);
    assert_int_equal(reactors[2].cpu_count, 1);
    assert_int_equal(reactors[2].cpus[0], 7);
    assert_int_equal(kit_config->listeners[0].reactor, 1);
    assert_int_equal(kit_config->listeners[0].accept_reactor, 1);
    assert_int_equal(kit_config->listeners[1].reactor, 2);
    assert_int_equal(kit_config->listeners[1].accept_reactor, 1);
    assert_int_equal(kit_config->listeners[2].accept_reactor, 2);
    kit_done();
}

static void
test_config_reactor_errors(void **state)
{
    kit_refused("reactors: [{}]\n" LISTEN, "goevd.yaml:1:12: reactors[0].name: is missing\n");
    kit_refused("reactors: []\n" LISTEN,
                "goevd.yaml:1:11: reactors: has 0 items; at least 1 needed\n");
    kit_refused("reactors: [{name: A}]\n" LISTEN, "goevd.yaml:1:19: reactors[0].name: \"A\": names "
                                                  "are made of a-z, 0-9, _ and -\n");
    kit_refused("reactors: [{name: a}, {name: b},\n  {name: a}]\n" LISTEN,
                "goevd.yaml:2:10: reactors[2].name: reactors[0] has the name \"a\" too\n");
    kit_refused("reactors: [{name: a, pollers: 0}]\n" LISTEN,
                "goevd.yaml:1:31: reactors[0].pollers: 0 is below 1\n");
    kit_refused("reactors: [{name: a, pollers: 257}]\n" LISTEN,
                "goevd.yaml:1:31: reactors[0].pollers: 257 is above 256\n");
    kit_refused(
        "reactors: [{name: a, pollers: many}]\n" LISTEN,
        "goevd.yaml:1:31: reactors[0].pollers: expected a number or auto, found \"many\"\n");
    kit_refused("reactors: [{name: a, pollers: 200}, {name: b, pollers: 57}]\n" LISTEN,
                "goevd.yaml:1:56: reactors[1].pollers: 257 pollers in all are above 256\n");
    kit_refused("reactors: [{name: a, cpus: [0, auto]}]\n" LISTEN,
                "goevd.yaml:1:32: reactors[0].cpus[1]: expected auto, none, or CPUs from 0 to 1023 "
                "as in [0, 1, 4-7]; found \"auto\"\n");
    kit_refused("reactors: [{name: a, cpus: 1024}]\n" LISTEN,
                "goevd.yaml:1:28: reactors[0].cpus[0]: expected auto, none, or CPUs from 0 to 1023 "
                "as in [0, 1, 4-7]; found \"1024\"\n");
    kit_refused("reactors: [{name: a, cpus: 7-4}]\n" LISTEN,
                "goevd.yaml:1:28: reactors[0].cpus[0]: expected auto, none, or CPUs from 0 to 1023 "
                "as in [0, 1, 4-7]; found \"7-4\"\n");
    kit_refused("reactors: [{name: a, stack: 63KiB}]\n" LISTEN,
                "goevd.yaml:1:29: reactors[0].stack: 63KiB is below 64KiB\n");
}

static void
test_config_listener_errors(void **state)
{
    kit_refused("", "goevd.yaml:1:1: listeners: is missing\n");
    kit_refused("listeners: []\n", "goevd.yaml:1:12: listeners: has 0 items; at least 1 needed\n");
    kit_refused("listeners: [{}]\n", "goevd.yaml:1:13: listeners[0].address: is missing\n"
                                     "goevd.yaml:1:13: listeners[0].handler: is missing\n");
    kit_refused("lisners: 1\n", "goevd.yaml:1:1: lisners: unknown key, did you mean listeners?\n"
                                "goevd.yaml:1:1: listeners: is missing\n");
    kit_refused("listeners: [{address: a, handler: echo}, {address: a, handler: echo}]\n",
                "goevd.yaml:1:52: listeners[1].address: listeners[0] has the address \"a\" too\n");
    kit_refused("listeners: [{address: 'x:0', handler: echo}, {address: 'x:0', handler: echo}]\n",
                "goevd.yaml:1:46: listeners[1].name: listeners[0] has the name \"x:0\" too\n");
    kit_refused("listeners: [{address: a, handler: echo}, {address: b, handler: echo, name: a}]\n",
                "goevd.yaml:1:76: listeners[1].name: listeners[0] has the name \"a\" too\n");
    kit_refused(
        "listeners: [{address: a, handler: echo, name: 'a b'}]\n",
        "goevd.yaml:1:47: listeners[0].name: \"a b\": names are made of letters, digits, _, "
        "- and the dot\n");
    kit_refused("listeners: [{address: a, handler: echo, mode: acceptr}]\n",
                "goevd.yaml:1:47: listeners[0].mode: \"acceptr\" is not known; did you mean "
                "acceptor?\n");
    kit_refused("listeners: [{address: a, handler: echo, connections_max: 0}]\n",
                "goevd.yaml:1:58: listeners[0].connections_max: 0 is below 1\n");
}

static void
test_config_reactor_references(void **state)
{
    kit_refused("listeners: [{address: a, handler: echo, reactor: mian}]\n",
                "goevd.yaml:1:50: listeners[0].reactor: there is no reactor \"mian\"; did you mean "
                "main?\n");
    kit_refused("listeners: [{address: a, handler: echo, reactor: fast}]\n",
                "goevd.yaml:1:50: listeners[0].reactor: there is no reactor \"fast\" under "
                "reactors:\n");
    kit_refused("listeners: [{address: a, handler: echo, mode: acceptor, accept_reactor: x}]\n",
                "goevd.yaml:1:73: listeners[0].accept_reactor: there is no reactor \"x\" under "
                "reactors:\n");
    kit_refused("listeners: [{address: a, handler: echo, accept_reactor: main}]\n",
                "goevd.yaml:1:57: listeners[0].accept_reactor: has a meaning only with mode: "
                "acceptor\n");
}

static void
test_config_output_marks_do_not_cross(void **state)
{
    static struct fake fake;

    kit_accepted(&fake, "listeners: [{address: a, handler: echo, output_low: 16MiB, output_high: "
                        "16MiB}]\n");
    kit_done();
    kit_refused("listeners: [{address: a, handler: echo, output_low: 2MiB}]\n",
                "goevd.yaml:1:53: listeners[0].output_low: 2MiB is above output_high, 1MiB\n");
    kit_refused("listeners: [{address: a, handler: echo, output_high: 17MiB}]\n",
                "goevd.yaml:1:54: listeners[0].output_high: 17MiB is above output_max, 16MiB\n");
    kit_refused("listeners: [{address: a, handler: echo, output_max: 512KiB}]\n",
                "goevd.yaml:1:13: listeners[0].output_high: 1MiB is above output_max, 512KiB\n");
}

static void
test_config_frames_fit_the_tail(void **state)
{
    static struct fake fake;

    kit_accepted(&fake, "listeners: [{address: a, handler: echo, tail_max: 1000, frame_max: 984}]\n"
                        "connectors: {tail_max: 256}\n");
    assert_int_equal(kit_config->listeners[0].limits.frame_max_bytes, 984);
    assert_int_equal(kit_config->connectors->limits.frame_max_bytes, 0);
    kit_done();
    kit_refused("listeners: [{address: a, handler: echo, tail_max: 1000, frame_max: 985}]\n",
                "goevd.yaml:1:68: listeners[0].frame_max: 985 and 16 bytes about it are above "
                "tail_max, 1KB\n");
    kit_refused("listeners: [{address: a, handler: echo}]\nconnectors: {frame_max: 64KiB}\n",
                "goevd.yaml:2:25: connectors.frame_max: 64KiB and 16 bytes about it are above "
                "tail_max, 64KiB\n");
}

static void
test_config_unix_sockets(void **state)
{
    static struct fake fake;

    kit_accepted(&fake, "listeners: [{address: 'unix:/x', handler: echo, socket_mode: 0600, "
                        "socket_owner: www-data}]\n");
    assert_int_equal(kit_config->listeners[0].socket_mode, 0600);
    assert_string_equal(kit_config->listeners[0].socket_owner.data, "www-data");
    kit_done();
    kit_refused("listeners: [{address: 'unix:/x', handler: echo, socket_mode: 0888}]\n",
                "goevd.yaml:1:62: listeners[0].socket_mode: expected permissions in octal such as "
                "0660, found \"0888\"\n");
    kit_refused("listeners: [{address: 'unix:/x', handler: echo, socket_mode: 1777}]\n",
                "goevd.yaml:1:62: listeners[0].socket_mode: expected permissions in octal such as "
                "0660, found \"1777\"\n");
    kit_refused("listeners: [{address: ':1', handler: echo, socket_mode: 0600}]\n",
                "goevd.yaml:1:57: listeners[0].socket_mode: has a meaning only for addresses that "
                "begin with unix:/\n");
    kit_refused("listeners: [{address: 'unix:@a', handler: echo, socket_group: g}]\n",
                "goevd.yaml:1:63: listeners[0].socket_group: has a meaning only for addresses that "
                "begin with unix:/\n");
}

static void
test_config_control_socket_is_an_absolute_path(void **state)
{
    static struct fake fake;
    char text[256], path[CONFIG_CONTROL_PATH_MAX + 2];

    kit_accepted(&fake, LISTEN);
    assert_null(kit_config->control_socket.data);
    kit_done();
    memset(path, 'x', sizeof(path));
    path[0] = '/';
    path[CONFIG_CONTROL_PATH_MAX] = '\0';
    snprintf(text, sizeof(text), "control: {socket: %s}\n" LISTEN, path);
    kit_accepted(&fake, text);
    assert_string_equal(kit_config->control_socket.data, path);
    kit_done();
    path[CONFIG_CONTROL_PATH_MAX] = 'x';
    path[CONFIG_CONTROL_PATH_MAX + 1] = '\0';
    snprintf(text, sizeof(text), "control: {socket: %s}\n" LISTEN, path);
    kit_refused(text, "goevd.yaml:1:19: control.socket: has 108 bytes; at most 107 allowed\n");
    kit_refused("control: {socket: run/c}\n" LISTEN,
                "goevd.yaml:1:19: control.socket: expected an absolute path, found \"run/c\"\n");
}

static void
test_config_plugin_dir_is_relative_to_its_file(void **state)
{
    static struct fake fake;
    char expected[256];

    kit_accepted(&fake, "plugin_dir: lib/p\n" LISTEN);
    snprintf(expected, sizeof(expected), "%s/lib/p", kit_directory);
    assert_string_equal(kit_config->plugin_dir.data, expected);
    assert_string_equal(fake.plugin_dir.data, expected);
    kit_done();
    kit_accepted(&fake, "plugin_dir: /opt/p\n" LISTEN);
    assert_string_equal(kit_config->plugin_dir.data, "/opt/p");
    kit_done();
}

static void
test_config_error_has_the_position(void **state)
{
    static struct fake fake;
    struct conf_errors errors = {0};

    kit_accepted(&fake, "listeners:\n- handler: echo\n  address: 127.0.0.1:70000\n");
    config_error(kit_config, &errors, "listeners[0].address", "port %d is above 65535", 70000);
    assert_string_equal(errors.items[0].line,
                        "goevd.yaml:3:12: listeners[0].address: port 70000 is above 65535");
    conf_errors_fini(&errors);
    kit_done();
}

static void
test_config_key_given_twice_is_one_error(void **state)
{
    kit_refused("stop_timeout: 1s\nstop_timeout: 2s\n" LISTEN,
                "goevd.yaml:2:1: stop_timeout: is given twice; the first is in line 1\n");
}

static void
check_addresses(void *ctx, const struct config *config, struct conf_errors *errors)
{
    size_t i, *missing = ctx;
    char path[64];

    for (i = 0; i < config->listener_count; i++) {
        snprintf(path, sizeof(path), "listeners[%zu].address", i);
        if (config->listeners[i].address.data)
            config_error(config, errors, path, "is not liked");
        else
            ++*missing;
    }
}

static void
test_config_checks_of_upper_layers_join_the_other_errors(void **state)
{
    static struct fake fake;
    const struct conf_resolver resolver = fake_resolver(&fake);
    struct conf_errors errors = {0};
    struct config *config = NULL;
    size_t missing = 0;

    kit_write("goevd.yaml", "listeners:\n- {address: a, handler: nosuch}\n- {handler: echo}\n");
    assert_int_equal(config_load_checked("goevd.yaml", NULL, &resolver, check_addresses, &missing,
                                         &config, &errors),
                     -EINVAL);
    assert_int_equal(missing, 1);
    assert_int_equal(errors.found, 3);
    assert_string_equal(errors.items[0].line,
                        "goevd.yaml:2:13: listeners[0].address: is not liked");
    assert_string_equal(errors.items[1].line,
                        "goevd.yaml:2:25: listeners[0].handler: there is no plugin nosuch");
    assert_string_equal(errors.items[2].line, "goevd.yaml:3:3: listeners[1].address: is missing");
    conf_errors_fini(&errors);
    kit_write("goevd.yaml", LISTEN);
    assert_int_equal(config_load_checked("goevd.yaml", NULL, &resolver, check_addresses, &missing,
                                         &config, &errors),
                     -EINVAL);
    assert_int_equal(errors.found, 1);
    assert_null(config);
    conf_errors_fini(&errors);
}

static void
test_config_all_errors_of_all_kinds_at_once(void **state)
{
    kit_refused("log: {level: loud}\n"
                "log: {}\n"
                "listeners:\n"
                "- address: a\n"
                "  adress: b\n"
                "  reactor: mian\n"
                "  handler: {web: {style: x}}\n",
                "goevd.yaml:1:14: log.level: expected one of error, warning, notice, info, debug; "
                "found \"loud\"\n"
                "goevd.yaml:2:1: log: is given twice; the first is in line 1\n"
                "goevd.yaml:5:3: listeners[0].adress: unknown key, did you mean address?\n"
                "goevd.yaml:6:12: listeners[0].reactor: there is no reactor \"mian\"; did you mean "
                "main?\n"
                "goevd.yaml:7:26: listeners[0].handler.web.style: expected one of plain, fancy; "
                "found \"x\"\n");
}

static void
test_config_top_must_be_a_map(void **state)
{
    kit_refused("- a\n", "goevd.yaml:1:1: expected keys such as listeners: at the top, found a "
                         "sequence\n");
    kit_refused("hello\n", "goevd.yaml:1:1: expected keys such as listeners: at the top, found a "
                           "scalar\n");
}

static void
test_config_file_that_cannot_be_read(void **state)
{
    struct conf_errors errors = {0};
    struct config *config = NULL;

    assert_int_equal(config_load("nothing.yaml", NULL, &config, &errors), -EINVAL);
    assert_int_equal(config_load("/", NULL, &config, &errors), -EINVAL);
    assert_int_equal(errors.found, 2);
    assert_string_equal(
        errors.items[0].line,
        "nothing.yaml: cannot be read: No such file or directory; name another with -c");
    assert_string_equal(errors.items[1].line, "/: is a directory, not a file; name one with -c");
    assert_null(config);
    conf_errors_fini(&errors);
}

static void
test_config_without_a_resolver_names_no_plugins(void **state)
{
    struct conf_errors errors = {0};
    struct config *config = NULL;

    kit_write("goevd.yaml", LISTEN);
    assert_int_equal(config_load("goevd.yaml", NULL, &config, &errors), -EINVAL);
    assert_string_equal(errors.items[0].line,
                        "goevd.yaml:1:35: listeners[0].handler: plugins cannot be named here");
    conf_errors_fini(&errors);
    config_free(NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_config_minimal_has_every_default),
        cmocka_unit_test(test_config_log_levels_are_syslogs),
        cmocka_unit_test(test_config_reactors_are_typed),
        cmocka_unit_test(test_config_reactor_errors),
        cmocka_unit_test(test_config_listener_errors),
        cmocka_unit_test(test_config_reactor_references),
        cmocka_unit_test(test_config_output_marks_do_not_cross),
        cmocka_unit_test(test_config_frames_fit_the_tail),
        cmocka_unit_test(test_config_unix_sockets),
        cmocka_unit_test(test_config_control_socket_is_an_absolute_path),
        cmocka_unit_test(test_config_plugin_dir_is_relative_to_its_file),
        cmocka_unit_test(test_config_error_has_the_position),
        cmocka_unit_test(test_config_key_given_twice_is_one_error),
        cmocka_unit_test(test_config_checks_of_upper_layers_join_the_other_errors),
        cmocka_unit_test(test_config_all_errors_of_all_kinds_at_once),
        cmocka_unit_test(test_config_top_must_be_a_map),
        cmocka_unit_test(test_config_file_that_cannot_be_read),
        cmocka_unit_test(test_config_without_a_resolver_names_no_plugins),
    };

    return cmocka_run_group_tests(tests, kit_setup, kit_teardown);
}
