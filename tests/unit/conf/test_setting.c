/* Options by name, and configurations with other values. */
#include <syslog.h>

#include "conf/setting.h"
#include "conf/yaml/value.h"
#include "unit/conf/kit.h"

#define FILE_TEXT                                                                                  \
    "listeners:\n"                                                                                 \
    "- {name: front, address: '[::1]:80', connections_max: 7,\n"                                   \
    "   handler: {stack: {handlers: [{web: {timeout: 3s}}, web]}}}\n"                              \
    "- {address: '[::1]:81', handler: web}\n"                                                      \
    "- {name: '5', address: c, handler: {web: }}\n"                                                \
    "- {address: 'unix:/a b', handler: echo}\n"

static struct fake fake;

static struct setting
find(const struct config *config, const char *name)
{
    struct setting s = {0};
    struct err err = {0};

    if (setting_find(config, name, &s, &err) < 0)
        fail_msg("%s", err.text);
    return s;
}

static const char *
value(const struct config *config, const char *name)
{
    static struct value_text buf;
    struct setting s = find(config, name);

    return value_text(s.option, s.slot, &buf);
}

/* By each of these names the same option, which is called as the first, at that path. */
static void
found(const char *const *names, const char *path)
{
    for (size_t i = 0; names[i]; i++) {
        struct setting s = find(kit_config, names[i]);

        assert_string_equal(s.name.text, names[0]);
        assert_string_equal(s.path.text, path);
    }
}

#define FOUND(path, ...) found((const char *const[]){__VA_ARGS__, NULL}, path)

static void
test_setting_goes_by_names_addresses_and_indices(void **state)
{
    kit_accepted(&fake, FILE_TEXT);
    FOUND("log.level", "log.level");
    FOUND("listeners[0].connections_max", "listeners[front].connections_max",
          "listeners[0].connections_max", "listeners[00].connections_max");
    FOUND("listeners[1].idle_timeout", "listeners[[::1]:81].idle_timeout",
          "listeners[1].idle_timeout");
    FOUND("listeners[2].idle_timeout", "listeners[2].idle_timeout"); /* its name is a number */
    FOUND("listeners[3].idle_timeout", "listeners[3].idle_timeout"); /* its address has a space */
    FOUND("listeners[1].handler.web.timeout", "listeners[[::1]:81].handler.web.timeout",
          "listeners[1].handler.web.timeout");
    FOUND("listeners[0].handler.stack.handlers[1].web.timeout",
          "listeners[front].handler.stack.handlers[1].web.timeout");
    assert_string_equal(value(kit_config, "listeners[front].connections_max"), "7");
    assert_string_equal(value(kit_config, "listeners[0].handler.stack.handlers[0].web.timeout"),
                        "3s");
    assert_string_equal(value(kit_config, "listeners[1].handler.web.style"), "fancy");
    assert_string_equal(value(kit_config, "listeners[1].handler.web.strict"), "true");
    assert_string_equal(value(kit_config, "listeners[1].handler.web.server"), "goevd");
    kit_done();
}

static void
test_setting_knows_what_is_written_and_whose_it_is(void **state)
{
    struct setting s;

    kit_accepted(&fake, FILE_TEXT);
    s = find(kit_config, "listeners[0].connections_max");
    assert_true(s.written && !s.place && !s.loose);
    s = find(kit_config, "listeners[1].connections_max");
    assert_true(!s.written && !s.loose);
    s = find(kit_config, "listeners[0].handler.stack.handlers[0].web.timeout");
    assert_true(s.written && s.place);
    assert_string_equal(s.place->name.data, "web");
    s = find(kit_config, "listeners[1].handler.web.timeout");
    assert_true(!s.written && s.place && !s.loose);
    s = find(kit_config, "reactors[main].events_max");
    assert_true(!s.written && s.loose);
    kit_done();
}

static void
test_setting_unknown_names(void **state)
{
    static const char *const cases[][2] = {
        {"", "a name is expected, as in log.level"},
        {"[", "a name is expected, as in log.level"},
        {"log", "log: is a map; which of its keys?"},
        {"log.", "log: a name is expected, as in log.level"},
        {"log.levl", "log.levl: unknown key, did you mean level?"},
        {"log.x", "log.x: unknown key; known here: level, target, format, repeats"},
        {"log.level.x", "log.level: has nothing beneath it"},
        {"log[0]", "log: a name is expected, as in log.level"},
        {"listeners", "listeners: is a list; which of its items? listeners[0] is the first"},
        {"listeners.x", "listeners: is a list; which of its items? listeners[0] is the first"},
        {"listeners[fromt].mode", "listeners: there is no \"fromt\"; did you mean front?"},
        {"listeners[4].mode", "listeners: there is no \"4\"; it has 4 items, from [0] on"},
        {"listeners[99999999999999999999].mode",
         "listeners: there is no \"99999999999999999999\"; it has 4 items, from [0] on"},
        {"listeners[].mode", "listeners: there is no \"\"; it has 4 items, from [0] on"},
        {"listeners[[::1]:81.mode", "listeners: its item has no ] at the end"},
        {"listeners[0]", "listeners[front]: is a map; which of its keys?"},
        {"listeners[0]mode", "listeners[front]: a name is expected, as in log.level"},
        {"listeners[0].handler", "listeners[front].handler: is a plugin; its options are below "
                                 "listeners[front].handler.stack"},
        {"listeners[1].handler.wb.timeout", "listeners[[::1]:81].handler: the plugin there is web"},
        {"listeners[1].handler.web.timeot",
         "listeners[[::1]:81].handler.web.timeot: unknown key, did you mean timeout?"},
        {"listeners[1].handler.web.routes[0].path",
         "listeners[[::1]:81].handler.web.routes: there is no \"0\"; it has 0 items, from [0] on"},
        {"listeners[3].handler.echo.x", "listeners[3].handler.echo: this plugin takes no options"},
    };
    struct setting s;

    kit_accepted(&fake, FILE_TEXT);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err err = {0};

        assert_int_equal(setting_find(kit_config, cases[i][0], &s, &err), -EINVAL);
        assert_string_equal(err.text, cases[i][1]);
    }
    kit_done();
}

struct listed {
    char text[8192];
    size_t len;
    unsigned count, stop_at;
};

static int
list(const struct setting *s, void *arg)
{
    struct listed *l = arg;

    assert_true(s->option->flags & GOEVD_OPTION_RUNTIME);
    assert_string_equal(find(kit_config, s->name.text).path.text, s->path.text);
    assert_true(l->len < sizeof(l->text));
    l->len += (size_t)snprintf(l->text + l->len, sizeof(l->text) - l->len, "%s\n", s->name.text);
    return ++l->count == l->stop_at ? 42 : 0;
}

static void
test_setting_each_that_may_change(void **state)
{
    struct listed l = {.stop_at = 0};

    kit_accepted(&fake, FILE_TEXT);
    assert_int_equal(setting_each(kit_config, list, &l), 0);
    assert_non_null(strstr(l.text, "log.level\n"));
    assert_non_null(strstr(l.text, "\nlisteners[front].connections_max\n"));
    assert_non_null(strstr(l.text, "\nlisteners[front].handler.stack.handlers[0].web.timeout\n"));
    assert_non_null(strstr(l.text, "\nlisteners[front].handler.stack.handlers[1].web.timeout\n"));
    assert_non_null(strstr(l.text, "\nlisteners[2].handler.web.timeout\n"));
    assert_null(strstr(l.text, "web.style"));
    assert_null(strstr(l.text, "address\n"));
    l = (struct listed){.stop_at = 3};
    assert_int_equal(setting_each(kit_config, list, &l), 42);
    assert_int_equal(l.count, 3);
    kit_done();
}

/* ---- Other values ---------------------------------------------------------------------------- */

#define OVERRIDES_MAX 4

/* The configuration with these paths and texts; its errors in *ret_lines, to be freed. */
static struct config *
overridden(const struct config_override *overrides, char **ret_lines)
{
    static struct fake again;
    const struct conf_resolver resolver = fake_resolver(&again);
    struct conf_errors errors = {0};
    struct config *config = NULL;
    size_t size = 0, count = 0;
    FILE *out = open_memstream(ret_lines, &size);

    memset(&again, 0, sizeof(again));
    while (overrides[count].path)
        count++;
    config_override(kit_config, overrides, count, &resolver, &config, &errors);
    conf_errors_print(&errors, out);
    assert_int_equal(fclose(out), 0);
    assert_int_equal(config == NULL, errors.found > 0);
    conf_errors_fini(&errors);
    return config;
}

#define OVERRIDDEN(...)                                                                            \
    overridden((const struct config_override[OVERRIDES_MAX]){__VA_ARGS__, {NULL, NULL}}, &lines)

static void
test_setting_other_values_take_their_places(void **state)
{
    struct config *config;
    char *lines;

    kit_accepted(&fake, FILE_TEXT);
    config = OVERRIDDEN({"log.level", "debug"}, {"listeners[0].connections_max", "9"},
                        {"listeners[1].handler.web.timeout", "5s"});
    assert_non_null(config);
    assert_int_equal(config->log_level, LOG_DEBUG);
    assert_int_equal(config->listeners[0].connections_max, 9);
    assert_string_equal(config->listeners[0].name.data, "front");
    assert_string_equal(value(config, "listeners[1].handler.web.timeout"), "5s");
    assert_string_equal(value(config, "listeners[1].handler.web.size"), "64KiB");
    assert_string_equal(value(config, "listeners[2].handler.web.timeout"), "10s");
    assert_string_equal(value(config, "listeners[0].handler.stack.handlers[0].web.timeout"), "3s");
    config_free(config);
    free(lines);
    config = OVERRIDDEN({"listeners[0].handler.stack.handlers[1].web.timeout", "6s"},
                        {"listeners[2].handler.web.timeout", "7s"},
                        {"listeners[2].handler.web.timeout", "8s"});
    assert_non_null(config);
    assert_string_equal(value(config, "listeners[0].handler.stack.handlers[0].web.timeout"), "3s");
    assert_string_equal(value(config, "listeners[0].handler.stack.handlers[1].web.timeout"), "6s");
    assert_string_equal(value(config, "listeners[2].handler.web.timeout"), "8s"); /* the last */
    config_free(config);
    free(lines);
    assert_int_equal(kit_config->log_level, LOG_NOTICE); /* the file is as it was */
    assert_int_equal(kit_config->listeners[0].connections_max, 7);
    kit_done();
}

static void
test_setting_item_that_stands_alone(void **state)
{
    struct config *config;
    char *lines;

    kit_accepted(&fake, "listeners: {address: a, handler: web}\n");
    config =
        OVERRIDDEN({"listeners[0].idle_timeout", "5s"}, {"listeners[0].handler.web.timeout", "4s"});
    assert_non_null(config);
    assert_int_equal(config->listeners[0].limits.idle_timeout_ns, INT64_C(5000000000));
    assert_string_equal(value(config, "listeners[a].handler.web.timeout"), "4s");
    config_free(config);
    free(lines);
    kit_done();
}

static void
refused(const char *path, const char *text, const char *expected)
{
    char *lines;

    assert_null(OVERRIDDEN({path, text}));
    assert_string_equal(lines, expected);
    free(lines);
}

static void
test_setting_wrong_values_are_refused_as_in_the_file(void **state)
{
    kit_accepted(&fake, FILE_TEXT);
    refused("log.level", "loud",
            "log.level: expected one of error, warning, notice, info, debug; found \"loud\"\n");
    refused("log.level", "debgu", "log.level: \"debgu\" is not known; did you mean debug?\n");
    refused("log.level", "",
            "log.level: expected one of error, warning, notice, info, debug; "
            "found \"\"\n");
    refused("listeners[0].connections_max", "0", "listeners[0].connections_max: 0 is below 1\n");
    refused("listeners[0].connections_max", "many",
            "listeners[0].connections_max: expected an integer, found \"many\"\n");
    refused("listeners[1].handler.web.timeout", "2m",
            "listeners[1].handler.web.timeout: 2m is above 1m\n");
    refused("listeners[1].output_high", "1KiB",
            "goevd.yaml:4:3: listeners[1].output_low: 64KiB is above output_high, 1KiB\n");
    kit_done();
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_setting_goes_by_names_addresses_and_indices),
        cmocka_unit_test(test_setting_knows_what_is_written_and_whose_it_is),
        cmocka_unit_test(test_setting_unknown_names),
        cmocka_unit_test(test_setting_each_that_may_change),
        cmocka_unit_test(test_setting_other_values_take_their_places),
        cmocka_unit_test(test_setting_item_that_stands_alone),
        cmocka_unit_test(test_setting_wrong_values_are_refused_as_in_the_file),
    };

    return cmocka_run_group_tests_name("conf_setting", tests, kit_setup, kit_teardown);
}
