/* -T and --describe. */
#include "conf/schema/describe.h"
#include "unit/conf/kit.h"

/* What goevd.yaml with this text dumps to; the caller frees it. */
static char *
dumped(const char *text)
{
    static struct fake fake;
    struct config *config;
    char *out = NULL;

    memset(&fake, 0, sizeof(fake));
    kit_write("goevd.yaml", text);
    config = kit_load(&fake, &out);
    if (!config)
        print_error("%s", out);
    assert_non_null(config);
    config_free(config);
    return out;
}

/* A dump is a configuration, and dumps to itself. */
static void
is_stable(const char *text)
{
    char *once = dumped(text), *twice = dumped(once);

    assert_string_equal(once, twice);
    free(once);
    free(twice);
}

static void
has(const char *text, const char *part)
{
    if (!strstr(text, part))
        print_error("no \"%s\" in:\n%s", part, text);
    assert_non_null(strstr(text, part));
}

#define LIMITS_DEFAULTS(rate)                                                                      \
    "  close_timeout: 5s\n  linger_timeout: 2s\n  linger_max: 30s\n  tail_max: 64KiB\n"            \
    "  frame_max: 0\n  output_low: 64KiB\n  output_high: 1MiB\n  output_max: 16MiB\n"              \
    "  output_rate: " rate "\n  output_timeout: 30s\n"

#define LISTENER_DEFAULTS                                                                          \
    "  mode: reuseport\n  backlog: 4096\n  receive_buffer: 0\n  send_buffer: 0\n"                  \
    "  nodelay: true\n  keepalive: 0\n  defer_accept: 0\n  ipv6_only: false\n  steer: true\n"      \
    "  imbalance: 20\n  connections_max: 100000\n  connections_per_client_max: 0\n  over_limit: "  \
    "close\n"                                                                                      \
    "  idle_timeout: 75s\n" LIMITS_DEFAULTS("128B/s")

static void
test_dump_shows_values_and_defaults(void **state)
{
    char *text = dumped("listeners: {address: ':80', handler: echo}\n");

    assert_string_equal(
        text, "log:\n  level: notice\n  target: auto\n  format: text\n"
              "  repeats:\n    max: 100\n    interval: 10s\ncontrol: {}\nstop_timeout: "
              "10s\nstop_delay: 0\nopen_files_max: 0\n"
              "work_pool:\n  threads: 4\n  compute_threads: 4\n  file_threads: 8\n  name_threads: 8\n"
              "  log_threads: 4\n  queue_max: 1024\n  stack: 256KiB\n"
              "connectors:\n  timeout: 10s\n  name_keep: 5s\n  name_stale: 10m\n  receive_buffer: 0\n  send_buffer: 0\n"
              "  nodelay: true\n  keepalive: 1m\n  idle_timeout: 0\n" LIMITS_DEFAULTS(
                  "128B/s") "hang:\n  timeout: 10s\n  action: abort\n"
                            "processes:\n  workers_max: 16\n  start_timeout: 1m\n"
                            "  drain_timeout: 1h\n  drain_min: 1m\n  crashes_max: 10\n  "
                            "crash_window: 1m\n  restart_timeout: 30s\n"
                            "reactors:\n- name: main\n  pollers: auto\n  cpus: [auto]\n"
                            "  read_buffer: 64KiB\n  write_buffer: 64KiB\n"
                            "  buffer_cache_max: 1MiB\n  events_max: 256\n"
                            "  accepts_max: 64\n  messages_max: 1024\n  mailbox_max: 65536\n"
                            "  stack: 256KiB\nlisteners:\n- address: \":80\"\n"
                            "  handler: echo\n" LISTENER_DEFAULTS);
    free(text);
}

static void
test_dump_shows_plugins_options(void **state)
{
    char *text = dumped("listeners: {address: a, handler: {web: {rate: 1024B/s, strict: no,\n"
                        "  routes: [{path: /, code: 0}, {path: /b, handler: web},\n"
                        "           {path: /c, respond: {headers: {Z: 'null', '<<': ''}}}]}}}\n");

    has(text, "  handler:\n    web:\n      server: goevd\n      timeout: 10s\n"
              "      rate: 1KiB/s\n      size: 64KiB\n      strict: false\n      style: fancy\n"
              "      routes:\n      - path: /\n        methods: [GET, HEAD]\n        code: 0\n"
              "      - path: /b\n        methods: [GET, HEAD]\n        handler:\n"
              "          web:\n            server: goevd\n");
    has(text, "      - path: /c\n        methods: [GET, HEAD]\n        respond:\n"
              "          status: 200\n          headers:\n            Z: \"null\"\n"
              "            \"<<\": \"\"\n          body: \"\"\n");
    has(text, "      missing:\n        status: 404\n        body: \"not here\"\n");
    free(text);
}

static void
test_dump_reads_back_to_the_same(void **state)
{
    is_stable("listeners: {address: a, handler: echo}\n");
    is_stable("plugin_dir: x\nlisteners: {address: a, handler: {web: {rate: 3B/s, size: 5000,\n"
              "  timeout: 1500ms, routes: [{path: /, code: -1}, {path: /b, handler: {stack:\n"
              "  {handlers: [echo, web]}}}, {path: 'ü \\', redirect: ''}]}}}\n");
    is_stable("listeners: [&a {address: 'unix:/x', handler: {web: {server: \"\\e\\n\\u2028\\x85\n"
              "  '\\\"\\ufeff\\U0001f600 \"}}, socket_mode: 600, name: a}, {<<: *a, address: b,\n"
              "  socket_mode: ~, name: b}]\nreactors: {name: x, pollers: 2, cpus: [0-1, 5]}\n");
    is_stable("listeners: [{address: a, handler: {stack: {low: 3}}}, {address: b, handler: stack}]"
              "\n");
    is_stable("listeners: {address: a, handler: {web: {missing: {body: \"two\\nlines\"}}}}\n");
}

static void
test_dump_says_when_the_stream_is_full(void **state)
{
    static struct fake fake;
    FILE *out = fopen("/dev/full", "w");

    assert_non_null(out);
    kit_accepted(&fake, "listeners: {address: a, handler: echo}\n");
    assert_int_equal(config_dump(kit_config, out), -EIO);
    fclose(out);
    kit_done();
}

static char *
described(const struct goevd_schema *schema, unsigned indent)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    assert_non_null(out);
    conf_describe(out, schema, indent);
    fclose(out);
    return text;
}

static void
test_describe_says_type_range_default_and_help(void **state)
{
    char *text = described(&fake_web, 2);

    has(text, "  server: a text, default goevd\n");
    has(text, "  timeout: a duration such as 75s or 1500ms, 1s to 1m, default 10s, may change "
              "while goevd runs\n");
    has(text, "  rate: a rate such as 100KiB/s\n");
    has(text, "  size: a size such as 64KiB, 4KiB to 16MiB, default 64KiB\n");
    has(text, "  strict: true or false, default yes\n");
    has(text, "  style: one of plain, fancy, default fancy\n");
    has(text, "  routes: list\n      path: a text, 1 to 64 bytes, required\n");
    has(text, "      methods: list of: a text, 1 to 3 items, default [GET, HEAD]\n");
    has(text, "      respond: a map, one needed of respond, redirect, code, handler\n"
              "          as under missing\n");
    has(text, "      status: an integer, 100 to 599, default 200\n"
              "          The status.\n");
    has(text, "      headers: a map of names to texts, 0 to 3 keys\n");
    has(text, "      body: a text, default \"\"\n");
    has(text, "      handler: a plugin that offers goevd.http, one needed of ");
    free(text);
}

static void
test_describe_ends_where_a_schema_contains_itself(void **state)
{
    static struct goevd_option self[] = {{.name = "more", .type = GOEVD_OPTION_RECORD}, {0}};
    static const struct goevd_schema around = GOEVD_SCHEMA(void *, self);
    char *text;

    self[0].item = &around;
    text = described(&around, 0);
    assert_string_equal(text, "more: a map\n    as at the top\n");
    free(text);
}

static void
test_describe_prints_a_schema_at_its_highest_place_alone(void **state)
{
    static const struct goevd_option leaf[] = {{.name = "size", .type = GOEVD_OPTION_BOOL}, {0}};
    static const struct goevd_schema leaves = GOEVD_SCHEMA(bool, leaf);
    static const struct goevd_option deep[] = {
        {.name = "leaf", .type = GOEVD_OPTION_RECORD, .item = &leaves}, {0}};
    static const struct goevd_schema branch = GOEVD_SCHEMA(void *, deep);
    static const struct goevd_option top[] = {
        {.name = "branch", .type = GOEVD_OPTION_RECORD, .item = &branch},
        {.name = "leaf", .type = GOEVD_OPTION_RECORD, .item = &leaves},
        {0},
    };
    static const struct goevd_schema tree = GOEVD_SCHEMA(void *, top);
    char *text = described(&tree, 0);

    assert_string_equal(text, "branch: a map\n    leaf: a map\n        as under leaf\n"
                              "leaf: a map\n    size: true or false\n");
    free(text);
}

static void
every_key_has_help(const struct goevd_schema *schema)
{
    const struct goevd_option *option;

    if (conf_schema_is_item(schema))
        return;
    for (option = schema->options; option->type; option = conf_option_next(schema, option)) {
        if (!option->help || strlen(option->help) < 8)
            print_error("%s has no help\n", option->name);
        assert_true(option->help && strlen(option->help) >= 8);
        assert_int_equal(option->help[strlen(option->help) - 1], '.');
        if (option->item)
            every_key_has_help(option->item);
    }
}

static void
test_describe_every_key_of_goevd_has_help(void **state)
{
    every_key_has_help(&config_schema);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dump_shows_values_and_defaults),
        cmocka_unit_test(test_dump_shows_plugins_options),
        cmocka_unit_test(test_dump_reads_back_to_the_same),
        cmocka_unit_test(test_dump_says_when_the_stream_is_full),
        cmocka_unit_test(test_describe_says_type_range_default_and_help),
        cmocka_unit_test(test_describe_ends_where_a_schema_contains_itself),
        cmocka_unit_test(test_describe_prints_a_schema_at_its_highest_place_alone),
        cmocka_unit_test(test_describe_every_key_of_goevd_has_help),
    };

    return cmocka_run_group_tests(tests, kit_setup, kit_teardown);
}
