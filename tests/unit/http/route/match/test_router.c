/* The router against a model that tries every route. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "http/route/match/router.h"

#define REFUSAL 9999
#define GET (1 << HTTP_GET)
#define POST (1 << HTTP_POST)

static int
refuse(void *arg, uint16_t methods)
{
    (void)arg;
    return REFUSAL + methods;
}

static struct http_span
span_of(const char *text)
{
    return (struct http_span){text, strlen(text)};
}

static int
add(struct http_router *r, const char *path, bool prefix, uint16_t methods, uint16_t answer)
{
    return http_router_add(r, span_of(path), prefix, methods, answer);
}

/* -1: no route. */
static int
answer(const struct http_router *r, const char *path, enum http_method method)
{
    const struct http_node *n = http_router_find(r, span_of(path));

    return n == NULL ? -1 : n->answer[method];
}

static void
test_http_router_longest_wins(void **state)
{
    struct http_router r = {0};

    (void)state;
    assert_int_equal(add(&r, "/", true, GET, 1), 0);
    assert_int_equal(add(&r, "/a/", true, GET, 2), 0);
    assert_int_equal(add(&r, "/a/b/", true, GET, 3), 0);
    assert_int_equal(add(&r, "/a/b/", false, GET, 4), 0);
    assert_int_equal(add(&r, "/a/b", false, GET, 5), 0);
    assert_int_equal(add(&r, "/a/bc/", true, GET, 6), 0);
    assert_int_equal(http_router_seal(&r, refuse, NULL), 0);
    assert_int_equal(answer(&r, "/", HTTP_GET), 1);
    assert_int_equal(answer(&r, "/a", HTTP_GET), 1);
    assert_int_equal(answer(&r, "/a/", HTTP_GET), 2);
    assert_int_equal(answer(&r, "/a/x", HTTP_GET), 2);
    assert_int_equal(answer(&r, "/a/b", HTTP_GET), 5);
    assert_int_equal(answer(&r, "/a/b/", HTTP_GET), 4);
    assert_int_equal(answer(&r, "/a/b/x/y", HTTP_GET), 3);
    assert_int_equal(answer(&r, "/a/bb/x", HTTP_GET), 2);
    assert_int_equal(answer(&r, "/a/bc/x", HTTP_GET), 6);
    assert_int_equal(answer(&r, "/a/bcd", HTTP_GET), 2);
    assert_int_equal(answer(&r, "/z", HTTP_GET), 1);
    http_router_fini(&r);
}

static void
test_http_router_empty_has_nothing(void **state)
{
    struct http_router r = {0};

    (void)state;
    assert_int_equal(http_router_seal(&r, refuse, NULL), 0);
    assert_int_equal(answer(&r, "/", HTTP_GET), -1);
    assert_int_equal(answer(&r, "/a/long/path/indeed", HTTP_GET), -1);
    http_router_fini(&r);
}

static void
test_http_router_methods_share_a_path(void **state)
{
    struct http_router r = {0};

    (void)state;
    assert_int_equal(add(&r, "/", false, GET, 1), 0);
    assert_int_equal(add(&r, "/", false, POST, 2), 0);
    assert_int_equal(add(&r, "/", false, POST, 3), -EEXIST);
    assert_int_equal(add(&r, "/p", false, POST, 4), 0);
    assert_int_equal(add(&r, "/h", false, GET, 5), 0);
    assert_int_equal(add(&r, "/h", false, 1 << HTTP_HEAD, 6), 0);
    assert_int_equal(http_router_seal(&r, refuse, NULL), 0);
    assert_int_equal(answer(&r, "/", HTTP_GET), 1);
    assert_int_equal(answer(&r, "/", HTTP_HEAD), 1);
    assert_int_equal(answer(&r, "/", HTTP_POST), 2);
    assert_int_equal(answer(&r, "/", HTTP_PUT), REFUSAL + (GET | POST | 1 << HTTP_HEAD));
    assert_int_equal(answer(&r, "/p", HTTP_HEAD), REFUSAL + POST);
    assert_int_equal(answer(&r, "/h", HTTP_HEAD), 6);
    http_router_fini(&r);
}

static void
test_http_router_segments_stand_for_any_one(void **state)
{
    struct http_router r = {0};

    (void)state;
    assert_int_equal(add(&r, "/u/{id}", false, GET, 1), 0);
    assert_int_equal(add(&r, "/u/{id}/", false, GET, 2), 0);
    assert_int_equal(add(&r, "/u/{id}/posts/{post}", false, GET, 3), 0);
    assert_int_equal(add(&r, "/{a}/{b}/{c}", false, GET, 4), 0);
    assert_int_equal(http_router_seal(&r, refuse, NULL), 0);
    assert_int_equal(answer(&r, "/u/7", HTTP_GET), 1);
    assert_int_equal(answer(&r, "/u/{id}", HTTP_GET), 1);
    assert_int_equal(answer(&r, "/u/7/", HTTP_GET), 2);
    assert_int_equal(answer(&r, "/u/7/posts/8", HTTP_GET), 3);
    assert_int_equal(answer(&r, "/v/7/posts", HTTP_GET), 4);
    assert_int_equal(answer(&r, "/u/7/posts", HTTP_GET), 4);
    assert_int_equal(answer(&r, "/u/", HTTP_GET), -1);
    assert_int_equal(answer(&r, "/u", HTTP_GET), -1);
    assert_int_equal(answer(&r, "/", HTTP_GET), -1);
    assert_int_equal(answer(&r, "/u/7/posts/8/", HTTP_GET), -1);
    assert_int_equal(answer(&r, "/u/7/posts/", HTTP_GET), -1);
    assert_int_equal(answer(&r, "/u/7", HTTP_PUT), REFUSAL + (GET | 1 << HTTP_HEAD));
    http_router_fini(&r);
}

/* Where routes differ first, text goes before a name, and that before the end of a prefix. */
static void
test_http_router_first_difference_decides(void **state)
{
    static const struct {
        const char *path;
        bool prefix;
    } routes[] = {{"/a/b/c", false},     {"/a/b/{z}", false}, {"/a/b/", true}, {"/a/{y}/c", false},
                  {"/a/{y}/{z}", false}, {"/a/{y}/", true},   {"/a/", true},   {"/{x}/b/c", false},
                  {"/{x}/", true},       {"/", true}};
    static const struct {
        const char *path;
        int answer;
    } rows[] = {{"/a/b/c", 0}, {"/a/b/d", 1}, {"/a/b/d/e", 2}, {"/a/b/", 2}, {"/a/x/c", 3},
                {"/a/x/d", 4}, {"/a/x/", 5},  {"/a/x/d/e", 5}, {"/a/x", 6},  {"/a/", 6},
                {"/x/b/c", 7}, {"/x/b/d", 8}, {"/x/", 8},      {"/x", 9},    {"/", 9}};

    (void)state;
    for (int turned = 0; turned < 2; turned++) { /* whichever comes first in the file */
        struct http_router r = {0};

        for (size_t i = 0; i < 10; i++) {
            size_t n = turned ? 9 - i : i;

            assert_int_equal(add(&r, routes[n].path, routes[n].prefix, GET, (uint16_t)n), 0);
        }
        assert_int_equal(http_router_seal(&r, refuse, NULL), 0);
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
            if (answer(&r, rows[i].path, HTTP_GET) != rows[i].answer)
                fail_msg("%s: %d", rows[i].path, answer(&r, rows[i].path, HTTP_GET));
        http_router_fini(&r);
    }
}

static void
test_http_router_names_do_not_tell_routes_apart(void **state)
{
    struct http_router r = {0};

    (void)state;
    assert_int_equal(add(&r, "/{a}/x", false, GET, 1), 0);
    assert_int_equal(add(&r, "/{b}/x", false, GET, 2), -EEXIST);
    assert_int_equal(add(&r, "/{b}/x", false, POST, 3), 0);
    assert_int_equal(add(&r, "/{b}/x/", true, GET, 4), 0);
    assert_int_equal(add(&r, "/{a}/x/", true, GET, 5), -EEXIST);
    assert_int_equal(http_router_seal(&r, refuse, NULL), 0);
    assert_int_equal(answer(&r, "/1/x", HTTP_GET), 1);
    assert_int_equal(answer(&r, "/1/x", HTTP_POST), 3);
    assert_int_equal(answer(&r, "/1/x/y", HTTP_GET), 4);
    http_router_fini(&r);
}

/* found NULL: there is no such thing. */
static void
check_param(const char *route, const char *path, const char *name, const char *found)
{
    struct http_span s = http_router_param(span_of(route), span_of(path), name);

    assert_int_equal(s.data == NULL, found == NULL);
    if (found != NULL) {
        assert_int_equal(s.len, strlen(found));
        assert_memory_equal(s.data, found, s.len);
    }
}

static void
test_http_router_params(void **state)
{
    (void)state;
    check_param("/u/{id}", "/u/7", "id", "7");
    check_param("/u/{id}", "/u/7", "i", NULL);
    check_param("/u/{id}", "/u/7", "id}", NULL);
    check_param("/u/{id}", "/u/7", "u", NULL);
    check_param("/u/{id}", "/u/7", "*", NULL);
    check_param("/{a}/{b}/*", "/1/2/3/4", "a", "1");
    check_param("/{a}/{b}/*", "/1/2/3/4", "b", "2");
    check_param("/{a}/{b}/*", "/1/2/3/4", "*", "3/4");
    check_param("/{a}/{b}/*", "/1/2/", "*", "");
    check_param("/*", "/", "*", "");
    check_param("/*", "/a/b", "*", "a/b");
    check_param("/{a}/{a}", "/1/2", "a", "1");
}

/* Few letters, so that paths often begin alike. */
static void
random_path(char *to, unsigned *seed)
{
    size_t len = 1 + (size_t)rand_r(seed) % 20;

    to[0] = '/';
    for (size_t i = 1; i < len; i++)
        to[i] = "a/bc"[rand_r(seed) % 4];
    to[len] = '\0';
}

static int
model(const struct http_router *r, const char *path)
{
    size_t best = 0;
    int found = -1;

    for (size_t i = 0; i < r->count; i++) {
        const struct http_node *n = &r->nodes[i];
        bool fits = n->prefix ? strncmp(path, n->path.data, n->path.len) == 0
                              : strcmp(path, n->path.data) == 0;
        size_t weight = n->path.len * 2 + !n->prefix;

        if (fits && weight > best) {
            best = weight;
            found = n->answer[HTTP_GET];
        }
    }
    return found;
}

static void
test_http_router_agrees_with_the_model(void **state)
{
    static char paths[1000][24];
    struct http_router r = {0};
    unsigned seed = 1;
    unsigned hits = 0;
    char path[24];

    (void)state;
    for (uint16_t i = 0; i < 1000; i++) {
        bool prefix = i % 3 == 0;

        random_path(paths[i], &seed);
        if (prefix && paths[i][strlen(paths[i]) - 1] != '/')
            strcat(paths[i], "/");
        /* the prefix "/" would leave nothing to miss */
        if (!prefix || paths[i][1] != '\0')
            (void)add(&r, paths[i], prefix, GET, i);
    }
    assert_true(r.count > 500);
    assert_int_equal(http_router_seal(&r, refuse, NULL), 0);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(answer(&r, paths[i], HTTP_GET), model(&r, paths[i]));
    for (int i = 0; i < 5000; i++) {
        random_path(path, &seed);
        assert_int_equal(answer(&r, path, HTTP_GET), model(&r, path));
        hits += model(&r, path) >= 0;
    }
    assert_in_range(hits, 500, 4999);
    http_router_fini(&r);
}

#define TEST(name) cmocka_unit_test(test_http_router_##name)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(longest_wins),
        TEST(empty_has_nothing),
        TEST(methods_share_a_path),
        TEST(segments_stand_for_any_one),
        TEST(first_difference_decides),
        TEST(names_do_not_tell_routes_apart),
        TEST(params),
        TEST(agrees_with_the_model),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
