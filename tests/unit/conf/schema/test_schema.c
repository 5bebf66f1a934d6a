/* The engine, through options of the plugin `web`, which stand in line 4 from column 7 on. */
#include "unit/conf/kit.h"

#define AT "goevd.yaml:4:"
#define WEB ": listeners[0].handler.web"

static void
test_schema_fills_every_type(void **state)
{
    static struct fake fake;
    const struct fake_web *web = kit_web_accepted(
        &fake, "{server: '', timeout: 30s, rate: 1MB/s, size: 5MiB, strict: off, style: plain,\n"
               "      routes: [{path: /a, methods: PUT, respond: {headers: {B: 1, A: 'x'}}}]}");
    const struct fake_route *route = web->routes.items;
    const struct goevd_pair *pairs = route->respond->headers.items;
    const struct goevd_str *methods = route->methods.items;

    assert_string_equal(web->server.data, "");
    assert_int_equal(web->timeout_ns, INT64_C(30000000000));
    assert_int_equal(web->rate, 1000000);
    assert_int_equal(web->size, 5 << 20);
    assert_false(web->strict);
    assert_int_equal(web->style, 0);
    assert_int_equal(web->routes.count, 1);
    assert_string_equal(route->path.data, "/a");
    assert_int_equal(route->methods.count, 1);
    assert_string_equal(methods[0].data, "PUT");
    assert_int_equal(route->respond->status, 200);
    assert_int_equal(route->respond->headers.count, 2);
    assert_string_equal(pairs[0].key.data, "B"); /* in the order written */
    assert_string_equal(pairs[0].value.data, "1");
    assert_string_equal(pairs[1].key.data, "A");
    assert_null(route->handler);
    assert_null(route->redirect.data);
    kit_done();
}

static void
test_schema_defaults_fill_what_is_beneath(void **state)
{
    static struct fake fake;
    const struct fake_web *web = kit_web_accepted(&fake, "");

    assert_string_equal(web->server.data, "goevd");
    assert_int_equal(web->timeout_ns, INT64_C(10000000000));
    assert_int_equal(web->size, 65536);
    assert_true(web->strict);
    assert_int_equal(web->style, 1);
    assert_int_equal(web->rate, 0);
    assert_int_equal(web->routes.count, 0);
    assert_int_equal(web->missing->status, 404);
    assert_string_equal(web->missing->body.data, "not here");
    assert_int_equal(web->missing->headers.count, 0);
    kit_done();
}

static void
test_schema_null_is_as_if_absent(void **state)
{
    static struct fake fake;
    const struct fake_web *web =
        kit_web_accepted(&fake, "{server: , timeout: ~, missing: null, routes: \n}");

    assert_string_equal(web->server.data, "goevd");
    assert_int_equal(web->timeout_ns, INT64_C(10000000000));
    assert_int_equal(web->missing->status, 404);
    kit_done();
}

static void
test_schema_quoted_scalars_are_scalars(void **state)
{
    static struct fake fake;
    const struct fake_web *web =
        kit_web_accepted(&fake, "{server: 'null', timeout: '30s', routes: {path: 8, code: '7'}}");
    const struct fake_route *route = web->routes.items;

    assert_string_equal(web->server.data, "null");
    assert_int_equal(web->timeout_ns, INT64_C(30000000000));
    assert_string_equal(route->path.data, "8");
    assert_int_equal(route->code, 7);
    kit_done();
}

static void
test_schema_unknown_keys(void **state)
{
    kit_web_refused("{serverr: x}", AT "8" WEB ".serverr: unknown key, did you mean server?\n");
    kit_web_refused("{banana: x}", AT "8" WEB ".banana: unknown key; known here: server, timeout, "
                                      "rate, size, strict, style, routes, missing\n");
    kit_web_refused("{missing: {statsu: 1}}",
                    AT "18" WEB ".missing.statsu: unknown key, did you mean status?\n");
}

static void
test_schema_wrong_kinds(void **state)
{
    kit_web_refused("{size: [1]}",
                    AT "14" WEB ".size: expected a size such as 64KiB, found a sequence\n");
    kit_web_refused("{timeout: {a: b}}", AT "17" WEB ".timeout: expected a duration such as 75s "
                                            "or 1500ms, found a map\n");
    kit_web_refused("{rate: [1]}",
                    AT "14" WEB ".rate: expected a rate such as 100KiB/s, found a sequence\n");
    kit_web_refused("{strict: []}",
                    AT "16" WEB ".strict: expected true or false, found a sequence\n");
    kit_web_refused("{server: {}}", AT "16" WEB ".server: expected a text, found a map\n");
    kit_web_refused("{style: []}", AT "15" WEB ".style: expected a word, found a sequence\n");
    kit_web_refused("{missing: 5}",
                    AT "17" WEB ".missing: expected a map of keys, found a scalar\n");
    kit_web_refused("{missing: {headers: 1}}",
                    AT "27" WEB ".missing.headers: expected a map of names to texts, found a "
                       "scalar\n");
    kit_web_refused("[1]", AT "7" WEB ": expected a map of keys, found a sequence\n");
    kit_web_refused("{routes: [5]}",
                    AT "17" WEB ".routes[0]: expected a map of keys, found a scalar\n");
    kit_web_refused("{routes: {path: /, code: 1, methods: [A, ~]}}",
                    AT "48" WEB ".routes.methods[1]: expected a text, found nothing\n");
}

static void
test_schema_wrong_values(void **state)
{
    kit_web_refused("{strict: maybe}",
                    AT "16" WEB ".strict: expected true or false, found \"maybe\"\n");
    kit_web_refused("{style: fanyc}",
                    AT "15" WEB ".style: \"fanyc\" is not known; did you mean fancy?\n");
    kit_web_refused("{style: baroque}",
                    AT "15" WEB ".style: expected one of plain, fancy; found \"baroque\"\n");
    kit_web_refused("{size: 64K}",
                    AT "14" WEB ".size: \"K\" in \"64K\" is no unit: use B, KB, KiB, "
                       "MB, MiB, GB, GiB, TB or TiB\n");
    kit_web_refused("{timeout: 5}",
                    AT "17" WEB ".timeout: \"5\" has no unit: add ns, us, ms, s, m, "
                       "h or d\n");
    kit_web_refused("{missing: {headers: {A: [1]}}}",
                    AT "31" WEB ".missing.headers.A: expected a text, found a sequence\n");
    kit_web_refused("{missing: {headers: {A: ~}}}",
                    AT "31" WEB ".missing.headers.A: expected a text, found nothing; write \"\" "
                       "for an empty one\n");
}

/* At the bound is fine, one past it is not, and the error has the bound in the user's unit. */
static void
test_schema_ranges(void **state)
{
    static struct fake fake;

    kit_web_accepted(&fake, "{timeout: 1s, size: 4096, missing: {status: 599}}");
    kit_done();
    kit_web_accepted(&fake, "{timeout: 60s, size: 16MiB, missing: {status: 100}}");
    kit_done();
    kit_web_refused("{timeout: 999ms}", AT "17" WEB ".timeout: 999ms is below 1000ms\n");
    kit_web_refused("{timeout: 61s}", AT "17" WEB ".timeout: 61s is above 60s\n");
    kit_web_refused("{timeout: 2h}", AT "17" WEB ".timeout: 2h is above 1m\n");
    kit_web_refused("{size: 4095}", AT "14" WEB ".size: 4095 is below 4096\n");
    kit_web_refused("{size: 17MiB}", AT "14" WEB ".size: 17MiB is above 16MiB\n");
    kit_web_refused("{size: 99MB}", AT "14" WEB ".size: 99MB is above 16MiB\n");
    kit_web_refused("{missing: {status: 600}}", AT "26" WEB ".missing.status: 600 is above 599\n");
    kit_web_refused("{missing: {status: -1}}", AT "26" WEB ".missing.status: -1 is below 100\n");
}

static void
test_schema_counts(void **state)
{
    kit_web_refused("{routes: {path: '', code: 1}}",
                    AT "23" WEB ".routes.path: has 0 bytes; at least 1 needed\n");
    kit_web_refused("{routes: {path: /, code: 1, methods: []}}",
                    AT "44" WEB ".routes.methods: has 0 items; at least 1 needed\n");
    kit_web_refused("{routes: {path: /, code: 1, methods: [A, B, C, D]}}",
                    AT "44" WEB ".routes.methods: has 4 items; at most 3 allowed\n");
    kit_web_refused("{routes: {path: /, code: 1, methods: [ABCDEFGHI]}}",
                    AT "45" WEB ".routes.methods[0]: has 9 bytes; at most 8 allowed\n");
    kit_web_refused("{missing: {headers: {a: 1, b: 2, c: 3, d: 4}}}",
                    AT "27" WEB ".missing.headers: has 4 keys; at most 3 allowed\n");
}

static void
test_schema_required_is_missed_where_it_should_be(void **state)
{
    kit_web_refused("{routes: [{path: /, code: 1},\n          {code: 2}]}",
                    "goevd.yaml:5:11" WEB ".routes[1].path: is missing\n");
    kit_web_refused("{routes: [~]}", AT "17" WEB ".routes[0]: give one of respond, redirect, code, "
                                        "handler\n" AT "17" WEB ".routes[0].path: is missing\n");
}

static void
test_schema_one_of(void **state)
{
    static struct fake fake;
    const struct fake_web *web;
    const struct fake_route *routes;

    kit_web_refused("{routes: {path: /}}",
                    AT "16" WEB ".routes: give one of respond, redirect, code, handler\n");
    kit_web_refused("{routes: {path: /, code: 1,\n      redirect: /b}}",
                    "goevd.yaml:4:26" WEB ".routes: give only one of respond, redirect, code, "
                    "handler; redirect is given in line 5\n");
    kit_web_refused("{routes: {path: /, code: 1, respond: {}, handler: echo}}",
                    AT "26" WEB ".routes: give only one of respond, redirect, code, handler; "
                       "respond is given in line 4\n" AT "48" WEB
                       ".routes: give only one of respond, redirect, code, handler; "
                       "respond is given in line 4\n");
    web = kit_web_accepted(&fake, "{routes: [{path: /, code: 1, respond: ~}, "
                                  "{path: /b, handler: echo}]}");
    routes = web->routes.items;
    assert_null(routes[0].respond);
    assert_int_equal(routes[0].code, 1);
    assert_non_null(routes[1].handler);
    kit_done();
}

static void
test_schema_one_of_default_gives_way_to_what_is_written(void **state)
{
    static struct fake fake;
    const struct fake_stack *stack;

    stack = kit_accepted(&fake, "listeners: {address: a, handler: stack}\n");
    assert_int_equal(stack->high, 5);
    kit_done();
    stack = kit_accepted(&fake, "listeners: {address: a, handler: {stack: {low: 3}}}\n");
    assert_int_equal(stack->high, 0);
    assert_int_equal(stack->low, 3);
    kit_done();
}

static void
test_schema_plugin_forms(void **state)
{
    static struct fake fake;

    kit_accepted(&fake, "listeners: {address: a, handler: echo}\n");
    assert_string_equal(fake.log, "load echo\nmade listeners.handler.echo\n");
    assert_null(fake.options);
    assert_string_equal(fake.node->text.data, "echo");
    kit_done();
    kit_accepted(&fake, "listeners: {address: a, handler: {echo: }}\n");
    kit_done();
    kit_accepted(&fake, "listeners: {address: a, handler: {echo: {}}}\n");
    kit_done();
    kit_accepted(&fake, "listeners: {address: a, handler: web}\n");
    assert_non_null(fake.options);
    kit_done();
}

static void
test_schema_plugin_errors(void **state)
{
    kit_refused("listeners: {address: a, handler: [echo]}\n",
                "goevd.yaml:1:34: listeners.handler: expected a plugin's name, or its name with "
                "its options beneath, found a sequence\n");
    kit_refused("listeners: {address: a, handler: {echo: ~, web: ~}}\n",
                "goevd.yaml:1:34: listeners.handler: expected one plugin's name, found 2 keys; "
                "its options are written beneath its name\n");
    kit_refused("listeners: {address: a, handler: {}}\n",
                "goevd.yaml:1:34: listeners.handler: expected one plugin's name, found 0 keys; "
                "its options are written beneath its name\n");
    kit_refused("listeners: {address: a, handler: ../evil}\n",
                "goevd.yaml:1:34: listeners.handler: \"../evil\" is no plugin's name; names are "
                "made of a-z, 0-9, _ and -\n");
    kit_refused("listeners: {address: a, handler: {nosuch: {}}}\n",
                "goevd.yaml:1:35: listeners.handler: there is no plugin nosuch\n");
    kit_refused("listeners: {address: a, handler: {echo: {x: 1}}}\n",
                "goevd.yaml:1:41: listeners.handler.echo: the plugin echo takes no options\n");
}

/* Each plugin is loaded before its options are read, and made after those it names. */
static void
test_schema_plugins_are_made_innermost_first(void **state)
{
    static struct fake fake;
    const struct fake_stack *stack;
    struct goevd_plugin *const *handlers;

    stack = kit_accepted(&fake, "listeners:\n"
                                "- address: a\n"
                                "  handler:\n"
                                "    stack:\n"
                                "      handlers:\n"
                                "      - web: {routes: {path: /, handler: echo}}\n"
                                "      - echo\n");
    assert_string_equal(fake.log, "load stack\n"
                                  "load web\n"
                                  "load echo\n"
                                  "made listeners[0].handler.stack.handlers[0].web.routes.handler."
                                  "echo\n"
                                  "made listeners[0].handler.stack.handlers[0].web\n"
                                  "load echo\n"
                                  "made listeners[0].handler.stack.handlers[1].echo\n"
                                  "made listeners[0].handler.stack\n");
    handlers = stack->handlers.items;
    assert_int_equal(stack->handlers.count, 2);
    assert_ptr_equal(handlers[0], &fake.places[1]);
    assert_ptr_equal(handlers[1], &fake.places[3]);
    kit_done();
}

/* A plugin with errors beneath it is never made, nor is the one that names it. */
static void
test_schema_plugins_with_errors_are_not_made(void **state)
{
    static struct fake fake;
    char *lines = NULL;

    memset(&fake, 0, sizeof(fake));
    kit_write("goevd.yaml", "listeners:\n"
                            "- address: a\n"
                            "  handler: {stack: {handlers: [{web: {size: x}}, echo]}}\n");
    assert_null(kit_load(&fake, &lines));
    assert_string_equal(fake.log, "load stack\nload web\nload echo\n"
                                  "made listeners[0].handler.stack.handlers[1].echo\n");
    free(lines);
}

static void
test_schema_all_errors_at_once_in_order(void **state)
{
    kit_web_refused("{style: x, banana: 1, size: 1, missing: {status: 1},\n"
                    "      routes: [{}]}",
                    AT "15" WEB ".style: expected one of plain, fancy; found \"x\"\n" AT "18" WEB
                       ".banana: unknown key; known here: server, timeout, rate, size, strict, "
                       "style, routes, missing\n" AT "35" WEB ".size: 1 is below 4096\n" AT "56" WEB
                       ".missing.status: 1 is below 100\n"
                       "goevd.yaml:5:16" WEB ".routes[0]: give one of respond, redirect, code, "
                       "handler\n"
                       "goevd.yaml:5:16" WEB ".routes[0].path: is missing\n");
}

/* goevd_refuse() positions. */
static void
test_schema_errors_below_a_plugins_options(void **state)
{
    static struct fake fake;
    struct conf_errors errors = {0};

    kit_web_accepted(&fake, "{routes: [{path: /, code: 1},\n        {path: /b, code: 2}]}");
    conf_errors_add_below(&errors, fake.node, "listeners[0].handler.web", "routes[1].path",
                          "is taken %s", "already");
    conf_errors_add_below(&errors, fake.node, "listeners[0].handler.web", "timeout", "is silly");
    conf_errors_add_below(&errors, fake.node, "listeners[0].handler.web", "", "cannot be");
    assert_string_equal(errors.items[0].line, "goevd.yaml:5:16: listeners[0].handler.web.routes[1]"
                                              ".path: is taken already");
    assert_string_equal(errors.items[1].line,
                        "goevd.yaml:4:7: listeners[0].handler.web.timeout: is silly");
    assert_string_equal(errors.items[2].line,
                        "goevd.yaml:4:7: listeners[0].handler.web: cannot be");
    conf_errors_fini(&errors);
    kit_done();
}

/* ---- Schemas that are wrong themselves ------------------------------------------------------- */

static void
schema_is_wrong(struct goevd_option option, const char *why)
{
    struct goevd_option options[] = {option, {0}};
    struct goevd_schema schema = GOEVD_SCHEMA(int64_t, options);
    struct err err = {0};

    assert_int_equal(conf_schema_check(&schema, &err), -EINVAL);
    assert_string_equal(err.text, why);
}

static void
test_schema_check_finds_what_is_wrong(void **state)
{
    static const struct goevd_option two[] = {
        {.name = "a", .type = GOEVD_OPTION_INT}, {.name = "a", .type = GOEVD_OPTION_INT}, {0}};
    const struct goevd_schema twice = GOEVD_SCHEMA(int64_t, two);
    const struct goevd_schema old = {8, 24, two};
    struct err err = {0};

    schema_is_wrong((struct goevd_option){.name = "a", .type = GOEVD_OPTION_INT, .offset = 1},
                    "the option a does not fit its record of 8 bytes");
    schema_is_wrong((struct goevd_option){.name = "a", .type = GOEVD_OPTION_STRING},
                    "the option a does not fit its record of 8 bytes");
    schema_is_wrong((struct goevd_option){.name = "a", .type = GOEVD_OPTION_ENUM},
                    "the option a has no choices");
    schema_is_wrong((struct goevd_option){.name = "a", .type = GOEVD_OPTION_RECORD},
                    "the option a has no schema for its content");
    schema_is_wrong(
        (struct goevd_option){.name = "a", .type = GOEVD_OPTION_MAP, .flags = GOEVD_OPTION_RUNTIME},
        "the option a does not fit its record of 8 bytes");
    schema_is_wrong((struct goevd_option){.name = "a",
                                          .type = GOEVD_OPTION_RECORD,
                                          .flags = GOEVD_OPTION_RUNTIME},
                    "the option a cannot change while goevd runs: only a single value can");
    schema_is_wrong(
        (struct goevd_option){.name = "a", .type = GOEVD_OPTION_INT, .flags = GOEVD_OPTION_SECRET},
        "the option a cannot be secret: only a string can");
    schema_is_wrong((struct goevd_option){.name = "a", .type = 99},
                    "the option a has the type 99, which is not known");
    schema_is_wrong((struct goevd_option){.name = "a", .type = GOEVD_OPTION_INT, .def = "x"},
                    "the default of the option a is wrong: a: expected an integer, found \"x\"");
    schema_is_wrong(
        (struct goevd_option){
            .name = "a", .type = GOEVD_OPTION_INT, .def = "0", .min = 1, .max = 2},
        "the default of the option a is wrong: a: 0 is below 1");
    schema_is_wrong(
        (struct goevd_option){.name = "a.b", .type = GOEVD_OPTION_INT},
        "the option 'a.b' has a name that no path in goevd.yaml can have; it is 1 to 64 "
        "letters, digits, _ and -");
    schema_is_wrong((struct goevd_option){.name = "", .type = GOEVD_OPTION_INT},
                    "the option '' has a name that no path in goevd.yaml can have; it is 1 to 64 "
                    "letters, digits, _ and -");
    assert_int_equal(conf_schema_check(&twice, &err), -EINVAL);
    assert_string_equal(err.text, "there are two options a");
    err = (struct err){0};
    assert_int_equal(conf_schema_check(&old, &err), -EINVAL);
    assert_non_null(strstr(err.text, "its options are 24 bytes large, where "));
}

static void
test_schema_check_accepts_what_is_right(void **state)
{
    struct err err = {0};
    static struct goevd_option self[] = {{.name = "more", .type = GOEVD_OPTION_RECORD}, {0}};
    static const struct goevd_schema around = GOEVD_SCHEMA(void *, self);

    self[0].item = &around; /* contains itself */
    assert_int_equal(conf_schema_check(&around, &err), 0);
    assert_int_equal(conf_schema_check(&fake_web, &err), 0);
    assert_int_equal(conf_schema_check(&fake_stack, &err), 0);
    assert_int_equal(conf_schema_check(&config_schema, &err), 0);
}

static void
test_schema_check_takes_names_of_64_bytes(void **state)
{
    char name[66];
    struct goevd_option options[] = {{.name = name, .type = GOEVD_OPTION_INT}, {0}};
    struct goevd_schema schema = GOEVD_SCHEMA(int64_t, options);
    struct err err = {0};

    memset(name, 'x', 65);
    name[65] = '\0';
    assert_int_equal(conf_schema_check(&schema, &err), -EINVAL);
    name[64] = '\0';
    assert_int_equal(conf_schema_check(&schema, &err), 0);
}

/* A schema whose default contains itself has no end; it is an error, not a crash. */
static void
test_schema_endless_default_is_refused(void **state)
{
    static struct goevd_option self[] = {{.name = "more", .type = GOEVD_OPTION_RECORD, .def = "{}"},
                                         {0}};
    static const struct goevd_schema around = GOEVD_SCHEMA(void *, self);
    struct err err = {0};

    self[0].item = &around;
    assert_int_equal(conf_schema_check(&around, &err), -EINVAL);
    assert_non_null(strstr(err.text, "nested more than 80 levels deep"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_schema_fills_every_type),
        cmocka_unit_test(test_schema_defaults_fill_what_is_beneath),
        cmocka_unit_test(test_schema_null_is_as_if_absent),
        cmocka_unit_test(test_schema_quoted_scalars_are_scalars),
        cmocka_unit_test(test_schema_unknown_keys),
        cmocka_unit_test(test_schema_wrong_kinds),
        cmocka_unit_test(test_schema_wrong_values),
        cmocka_unit_test(test_schema_ranges),
        cmocka_unit_test(test_schema_counts),
        cmocka_unit_test(test_schema_required_is_missed_where_it_should_be),
        cmocka_unit_test(test_schema_one_of),
        cmocka_unit_test(test_schema_one_of_default_gives_way_to_what_is_written),
        cmocka_unit_test(test_schema_plugin_forms),
        cmocka_unit_test(test_schema_plugin_errors),
        cmocka_unit_test(test_schema_plugins_are_made_innermost_first),
        cmocka_unit_test(test_schema_plugins_with_errors_are_not_made),
        cmocka_unit_test(test_schema_all_errors_at_once_in_order),
        cmocka_unit_test(test_schema_errors_below_a_plugins_options),
        cmocka_unit_test(test_schema_check_finds_what_is_wrong),
        cmocka_unit_test(test_schema_check_accepts_what_is_right),
        cmocka_unit_test(test_schema_check_takes_names_of_64_bytes),
        cmocka_unit_test(test_schema_endless_default_is_refused),
    };

    return cmocka_run_group_tests(tests, kit_setup, kit_teardown);
}
