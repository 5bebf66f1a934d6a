/* Decoding and normalising of paths. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "http/message/uri/path.h"
#include "http/message/util.h"

static void
check(const char *path, const char *wanted)
{
    size_t len = strlen(path);
    char *to = malloc(len);
    ssize_t n;

    assert_non_null(to);
    n = http_path_normalise(path, len, to);
    if (wanted == NULL) {
        if (n != HTTP_BAD_PATH)
            fail_msg("%s gave %.*s", path, (int)n, to);
    } else if (n != (ssize_t)strlen(wanted) || memcmp(to, wanted, (size_t)n) != 0) {
        fail_msg("%s gave %.*s (%zd), not %s", path, (int)n, n > 0 ? to : "", n, wanted);
    }
    free(to);
}

static void
test_http_path_leaves_plain_paths_alone(void **state)
{
    static const char *const rows[] = {"/", "/a", "/a/", "/a/b.c/d..e/...", "/..a", "/.a/b."};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check(rows[i], rows[i]);
}

static void
test_http_path_decodes_once(void **state)
{
    (void)state;
    check("/%41%7a%7A", "/Azz");
    check("/%2541", "/%41");
    check("/%20%0a%ff", "/ \n\xff");
    check("/a%2fb", "/a/b");
}

static void
test_http_path_refuses_broken_escapes(void **state)
{
    static const char *const rows[] = {"/%",    "/%4",  "/%g1",    "/%1g", "/a%",
                                       "/%%41", "/%00", "/a/%00b", "/%-1", "/% 1"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check(rows[i], NULL);
}

static void
test_http_path_removes_empty_and_dot_segments(void **state)
{
    static const char *const rows[][2] = {
        {"//", "/"},
        {"/./", "/"},
        {"/.", "/"},
        {"//a//b//", "/a/b/"},
        {"/a/./b/.", "/a/b/"},
        {"/a/../b", "/b"},
        {"/a/..", "/"},
        {"/a/b/../c", "/a/c"},
        {"/a/b/..", "/a/"},
        {"/a/b/../../", "/"},
        {"/a//../b", "/b"},
        {"/a/.//../b", "/b"},
        {"/a/%2e%2E/b", "/b"},
        {"/a%2f..%2fb", "/b"},
        {"/%2e/a", "/a"},
        {"/a/...//..", "/a/"},
        {"/abc/de/../f", "/abc/f"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check(rows[i][0], rows[i][1]);
}

static void
test_http_path_refuses_to_leave_the_root(void **state)
{
    static const char *const rows[] = {"/..",  "/../",    "/../a",  "/a/../..",        "/./..",
                                       "//..", "/%2e%2e", "/..%2f", "/a/b/../../../c", "/.%2e/x"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check(rows[i], NULL);
}

/* Over all paths of up to seven bytes from "/.a": the result begins with "/", has no empty or
 * dot segment, and stays as it is when it goes in again. */
static void
test_http_path_is_stable_for_all_short_paths(void **state)
{
    static const char alphabet[] = "/.a";
    char path[8] = "/";
    char to[8];
    char again[8];

    (void)state;
    for (int number = 0; number < 729 * 3; number++) {
        size_t len = 1;
        ssize_t n;

        for (int rest = number; len < 8; rest /= 3)
            path[len++] = alphabet[rest % 3];
        n = http_path_normalise(path, len, to);
        if (n == HTTP_BAD_PATH)
            continue;
        assert_in_range(n, 1, len);
        assert_int_equal(to[0], '/');
        assert_null(memmem(to, (size_t)n, "//", 2));
        assert_null(memmem(to, (size_t)n, "/./", 3));
        assert_null(memmem(to, (size_t)n, "/../", 4));
        assert_int_equal(http_path_normalise(to, (size_t)n, again), n);
        assert_memory_equal(to, again, (size_t)n);
    }
}

#define TEST(name) cmocka_unit_test(test_http_path_##name)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(leaves_plain_paths_alone),  TEST(decodes_once),
        TEST(refuses_broken_escapes),    TEST(removes_empty_and_dot_segments),
        TEST(refuses_to_leave_the_root), TEST(is_stable_for_all_short_paths),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
