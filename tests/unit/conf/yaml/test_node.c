#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "conf/yaml/node.h"

static const struct conf_file file = {"t.yaml", 0};
static struct arena arena;
static struct conf_errors errors;

static int
setup(void **state)
{
    arena = (struct arena){0};
    errors = (struct conf_errors){0};
    return 0;
}

static int
teardown(void **state)
{
    arena_fini(&arena);
    conf_errors_fini(&errors);
    return 0;
}

static const struct conf_node *
parse_bytes(const char *text, size_t len)
{
    const struct conf_node *node = NULL;
    struct conf_budget budget = {0};

    conf_parse(text, len, &file, &arena, &budget, &errors, &node);
    return node;
}

static const struct conf_node *
parse(const char *text)
{
    const struct conf_node *node = parse_bytes(text, strlen(text));

    assert_int_equal(errors.found, 0);
    return node;
}

static void
refuses(const char *text, const char *line)
{
    parse_bytes(text, strlen(text));
    assert_int_equal(errors.kept, 1);
    assert_string_equal(errors.items[0].line, line);
    conf_errors_fini(&errors);
}

static void
is_at(const struct conf_node *node, unsigned line, unsigned column)
{
    assert_non_null(node);
    assert_int_equal(node->mark.line, line);
    assert_int_equal(node->mark.column, column);
}

static void
test_node_marks_are_where_the_user_sees_them(void **state)
{
    const struct conf_node *top = parse("a: 1\nb:\n  - x\n  - {c: y}\n\"\xc3\xa9\": z\n");

    is_at(top, 1, 1);
    is_at(conf_get(top, "a"), 1, 4);
    is_at(conf_find(top, "b"), 3, 3);
    is_at(conf_find(top, "b[0]"), 3, 5);
    is_at(conf_find(top, "b[1]"), 4, 5);
    is_at(conf_find(top, "b[1].c"), 4, 9);
    is_at(conf_get(top, "\xc3\xa9"), 5, 6); /* columns count characters */
    is_at(conf_entry(top, "b")->key, 2, 1);
}

static void
test_node_find_stops_at_the_nearest_above(void **state)
{
    const struct conf_node *top = parse("a:\n  b: [1, 2]\n  x.y: 3\n  n: ~\n");

    assert_ptr_equal(conf_find(top, ""), top);
    assert_ptr_equal(conf_find(top, "z"), top);
    assert_ptr_equal(conf_find(top, "a.z"), conf_get(top, "a"));
    assert_ptr_equal(conf_find(top, "a.b[7]"), conf_find(top, "a.b"));
    assert_ptr_equal(conf_find(top, "a.b[1].c"), conf_find(top, "a.b[1]"));
    assert_ptr_equal(conf_find(top, "a[0].b[1]"), conf_find(top, "a.b[1]"));
    is_at(conf_find(top, "a.x.y"), 3, 8);
    is_at(conf_find(top, "a.n.q"), 4, 6);
    is_at(conf_find(top, "a.b["), 2, 6);
    is_at(conf_find(top, "a.b[99999999999999999999]"), 2, 6);
    assert_null(conf_find(NULL, "a"));
}

static void
test_node_null_is_only_without_quotes(void **state)
{
    const struct conf_node *top = parse("a:\nb: ~\nc: null\nd: Null\ne: ''\nf: 'null'\ng: nulls\n");

    assert_true(conf_is_null(conf_get(top, "a")));
    assert_true(conf_is_null(conf_get(top, "b")));
    assert_true(conf_is_null(conf_get(top, "c")));
    assert_true(conf_is_null(conf_get(top, "d")));
    assert_false(conf_is_null(conf_get(top, "e")));
    assert_false(conf_is_null(conf_get(top, "f")));
    assert_false(conf_is_null(conf_get(top, "g")));
    assert_null(parse(""));
    assert_null(parse("# nothing\n---\n"));
}

static void
test_node_alias_shares_the_anchors_node(void **state)
{
    const struct conf_node *top = parse("a: &x {k: v}\nb: *x\nc: &x 2\nd: *x\n");

    assert_ptr_equal(conf_get(top, "a"), conf_get(top, "b"));
    assert_ptr_equal(conf_get(top, "c"), conf_get(top, "d"));
}

static void
test_node_merge_key_adds_what_is_not_there(void **state)
{
    const struct conf_node *top = parse("a: &a {x: 1, y: 2}\nb: &b {y: 3, z: 4}\n"
                                        "c: {<<: *a, x: 9}\nd: {<<: [*a, *b], w: 0}\n"
                                        "e: {'<<': 5}\n");

    assert_string_equal(conf_find(top, "c.x")->text.data, "9");
    assert_string_equal(conf_find(top, "c.y")->text.data, "2");
    assert_int_equal(conf_find(top, "c")->count, 2);
    assert_string_equal(conf_find(top, "d.y")->text.data, "2");
    assert_string_equal(conf_find(top, "d.z")->text.data, "4");
    assert_int_equal(conf_find(top, "d")->count, 4);
    assert_string_equal(conf_find(top, "e.<<")->text.data, "5");
}

static void
test_node_refuses_what_is_no_yaml(void **state)
{
    refuses("a: [1", "t.yaml:2:1: not YAML: did not find expected ',' or ']', "
                     "while parsing a flow sequence");
    refuses("a: [::]:80\n", "t.yaml:1:5: not YAML: quote the address: \"[::]:80\"");
    refuses("b: 1\na: {b: [::1%lo]:8080, c: 1}\n",
            "t.yaml:2:9: not YAML: quote the address: \"[::1%lo]:8080\"");
    refuses("a: *:80\n", "t.yaml:1:5: not YAML: quote the address: \"*:80\"");
    refuses("a: [::]", "t.yaml:1:5: not YAML: quote the address: \"[::]\"");
    refuses("a:\n\tb: 1\n", "t.yaml:2:1: not YAML: a tab, where YAML indents with spaces only");
    refuses("a: 1\nb: \xff\n", "t.yaml:2:4: not YAML: invalid leading UTF-8 octet");
    refuses("a: 'x\n", "t.yaml:2:1: not YAML: found unexpected end of stream, "
                       "while scanning a quoted scalar");
    refuses("a: 1\n---\nb: 2\n", "t.yaml:2:1: a second document begins here (---); one is read");
}

static void
test_node_refuses_what_is_ambiguous(void **state)
{
    refuses("a: {b: 1, c: 2,\n  b: 3}\n",
            "t.yaml:2:3: a.b: is given twice; the first is in line 1");
    refuses("? [a]\n: b\n", "t.yaml:1:3: a key must be one word, found a sequence");
    refuses("a: !!int 1\n",
            "t.yaml:1:4: a: the tag !!int is not understood; write the value without a tag");
    refuses("a: \"x\\0y\"\n", "t.yaml:1:4: a: contains a NUL character");
    refuses("a: *b\n", "t.yaml:1:4: a: the alias *b has no anchor &b before it");
    refuses("a: &a [*a]\n", "t.yaml:1:8: a[0]: the alias *a has no anchor &a before it");
    refuses("a: {<<: 1}\n", "t.yaml:1:9: a: << takes a map or a list of maps, found a scalar");
}

static void
test_node_depth_is_bounded(void **state)
{
    char text[2 * CONF_DEPTH_MAX + 4] = "";
    size_t i;

    for (i = 0; i < CONF_DEPTH_MAX; i++)
        strcat(text, "[");
    for (i = 0; i < CONF_DEPTH_MAX; i++)
        strcat(text, "]");
    parse(text);
    memmove(text + 1, text, strlen(text) + 1);
    strcat(text, "]");
    parse_bytes(text, strlen(text));
    assert_int_equal(errors.found, 1);
    assert_non_null(strstr(errors.items[0].line, ": nested more than 64 levels deep"));
    assert_non_null(strstr(errors.items[0].line, "t.yaml:1:65: [0][0]"));
}

/* Ten lines of aliases to ten aliases each would be ten thousand million values. */
static void
test_node_alias_expansion_is_bounded(void **state)
{
    char text[2048] = "l0: &l0 [x, x, x, x, x, x, x, x, x, x]\n";
    size_t len = strlen(text);
    int i, k;

    for (i = 1; i < 10; i++) {
        len += (size_t)snprintf(text + len, sizeof(text) - len, "l%d: &l%d [", i, i);
        for (k = 0; k < 10; k++)
            len += (size_t)snprintf(text + len, sizeof(text) - len, "*l%d, ", i - 1);
        len += (size_t)snprintf(text + len, sizeof(text) - len, "]\n");
    }
    parse_bytes(text, len);
    assert_int_equal(errors.found, 1);
    assert_string_equal(errors.items[0].line,
                        "t.yaml:5:45: l4[7]: more than 100000 values in all, with those that "
                        "aliases (*) repeat; write less, or fewer aliases");
}

static void
test_node_count_is_bounded(void **state)
{
    const size_t size = 4 * CONF_NODES_MAX;
    char *text = malloc(size);
    size_t i, len = 0;

    assert_non_null(text);
    text[len++] = '[';
    for (i = 0; i < CONF_NODES_MAX; i++) {
        text[len++] = '1';
        text[len++] = ',';
    }
    text[len - 3] = ']'; /* with the list itself, exactly as many as allowed */
    assert_non_null(parse_bytes(text, len - 2));
    assert_int_equal(errors.found, 0);
    text[len - 3] = ',';
    text[len - 1] = ']';
    parse_bytes(text, len);
    assert_int_equal(errors.found, 1);
    free(text);
}

static void
test_node_keys_of_one_map_are_bounded(void **state)
{
    const size_t size = 200000;
    char *text = malloc(size);
    size_t i, len = 0;

    assert_non_null(text);
    for (i = 0; i < 10001; i++)
        len += (size_t)snprintf(text + len, size - len, "k%zu: 1\n", i);
    parse_bytes(text, len);
    assert_int_equal(errors.found, 1);
    assert_string_equal(errors.items[0].line, "t.yaml:10001:1: more than 10000 keys in one map");
    free(text);
}

static void
test_node_anchors_are_bounded(void **state)
{
    const size_t size = 20000;
    char *text = malloc(size);
    size_t i, len = 0;

    assert_non_null(text);
    for (i = 0; i < 1001; i++)
        len += (size_t)snprintf(text + len, size - len, "- &a%zu x\n", i);
    parse_bytes(text, len);
    assert_int_equal(errors.found, 1);
    assert_string_equal(errors.items[0].line, "t.yaml:1001:3: [1000]: more than 1000 anchors (&)");
    free(text);
}

/* Whatever is missing at the end, there is a verdict and nothing is lost. */
static void
test_node_every_cut_has_a_verdict(void **state)
{
    static const char text[] =
        "a: &x {k: [v, \"w\\n\"]}\nb:\n  - *x\n  - <<: *x\n    q: |\n      t\n";
    size_t len;

    for (len = 0; len < sizeof(text); len++) {
        parse_bytes(text, len);
        conf_errors_fini(&errors);
    }
    assert_non_null(parse_bytes(text, sizeof(text) - 1));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_node_marks_are_where_the_user_sees_them),
        TEST(test_node_find_stops_at_the_nearest_above),
        TEST(test_node_null_is_only_without_quotes),
        TEST(test_node_alias_shares_the_anchors_node),
        TEST(test_node_merge_key_adds_what_is_not_there),
        TEST(test_node_refuses_what_is_no_yaml),
        TEST(test_node_refuses_what_is_ambiguous),
        TEST(test_node_depth_is_bounded),
        TEST(test_node_alias_expansion_is_bounded),
        TEST(test_node_count_is_bounded),
        TEST(test_node_keys_of_one_map_are_bounded),
        TEST(test_node_anchors_are_bounded),
        TEST(test_node_every_cut_has_a_verdict),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
