/* Which host a name stands for. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "http/route/match/virtual_hosts.h"

static int
add(struct http_virtual_hosts *hosts, const char *name, uint32_t number)
{
    return http_virtual_hosts_add(hosts, (struct http_span){name, strlen(name)}, number);
}

static uint32_t
find(const struct http_virtual_hosts *hosts, const char *host)
{
    return http_virtual_hosts_find(hosts, (struct http_span){host, strlen(host)});
}

static void
test_http_virtual_hosts_case_port_and_last_dot_do_not_matter(void **state)
{
    struct http_virtual_hosts hosts = {0};

    (void)state;
    assert_int_equal(add(&hosts, "Example.ORG", 1), 0);
    assert_int_equal(add(&hosts, "[::1]", 2), 0);
    assert_int_equal(add(&hosts, "127.0.0.1", 3), 0);
    assert_int_equal(add(&hosts, "other.net.", 4), 0);
    assert_int_equal(find(&hosts, "example.org"), 1);
    assert_int_equal(find(&hosts, "EXAMPLE.org"), 1);
    assert_int_equal(find(&hosts, "example.org."), 1);
    assert_int_equal(find(&hosts, "example.org:80"), 1);
    assert_int_equal(find(&hosts, "example.org.:8080"), 1);
    assert_int_equal(find(&hosts, "example.org:"), 1);
    assert_int_equal(find(&hosts, "[::1]"), 2);
    assert_int_equal(find(&hosts, "[::1]:80"), 2);
    assert_int_equal(find(&hosts, "127.0.0.1:80"), 3);
    assert_int_equal(find(&hosts, "other.net"), 4);
    http_virtual_hosts_fini(&hosts);
}

static void
test_http_virtual_hosts_others_are_none(void **state)
{
    struct http_virtual_hosts hosts = {0};

    (void)state;
    assert_int_equal(find(&hosts, "example.org"), HTTP_VIRTUAL_HOSTS_NONE);
    assert_int_equal(add(&hosts, "example.org", 1), 0);
    assert_int_equal(add(&hosts, "*.example.org", 2), 0);
    assert_int_equal(find(&hosts, ""), HTTP_VIRTUAL_HOSTS_NONE);
    assert_int_equal(http_virtual_hosts_find(&hosts, (struct http_span){0}),
                     HTTP_VIRTUAL_HOSTS_NONE);
    assert_int_equal(find(&hosts, "."), HTTP_VIRTUAL_HOSTS_NONE);
    assert_int_equal(find(&hosts, ".example.org"), HTTP_VIRTUAL_HOSTS_NONE);
    assert_int_equal(find(&hosts, "example.or"), HTTP_VIRTUAL_HOSTS_NONE);
    assert_int_equal(find(&hosts, "example.orga"), HTTP_VIRTUAL_HOSTS_NONE);
    assert_int_equal(find(&hosts, "badexample.org"), HTTP_VIRTUAL_HOSTS_NONE);
    assert_int_equal(find(&hosts, "example.org.."), HTTP_VIRTUAL_HOSTS_NONE);
    http_virtual_hosts_fini(&hosts);
}

static void
test_http_virtual_hosts_longest_name_decides(void **state)
{
    struct http_virtual_hosts hosts = {0};

    (void)state;
    assert_int_equal(add(&hosts, "*.org", 1), 0);
    assert_int_equal(add(&hosts, "*.example.org", 2), 0);
    assert_int_equal(add(&hosts, "www.example.org", 3), 0);
    assert_int_equal(find(&hosts, "example.org"), 1);
    assert_int_equal(find(&hosts, "a.example.org"), 2);
    assert_int_equal(find(&hosts, "a.b.example.org"), 2);
    assert_int_equal(find(&hosts, "www.example.org"), 3);
    assert_int_equal(find(&hosts, "a.www.example.org:80"), 2);
    http_virtual_hosts_fini(&hosts);
}

static void
test_http_virtual_hosts_refuses_what_is_no_name(void **state)
{
    static const char *const names[] = {
        "",        ".",        "*",      "*.",           "a b",    "a/b",
        "a:80",    "[::1]:80", "[::1",   "[::g]",        "::1",    "a.*",
        "a*b.org", "*.*.org",  "*a.org", ".example.org", "*..org", "user@example.org",
        "a%zz",    "a:",
    };
    struct http_virtual_hosts hosts = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (add(&hosts, names[i], 1) != -EINVAL)
            fail_msg("\"%s\" was taken", names[i]);
    assert_int_equal(add(&hosts, "example.org", 1), 0);
    assert_int_equal(add(&hosts, "EXAMPLE.org.", 2), -EEXIST);
    assert_int_equal(add(&hosts, "*.example.org", 2), 0);
    assert_int_equal(add(&hosts, "*.Example.org", 3), -EEXIST);
    http_virtual_hosts_fini(&hosts);
}

static void
test_http_virtual_hosts_name_length_is_bounded(void **state)
{
    char name[HTTP_VIRTUAL_HOSTS_NAME_MAX + 2];
    struct http_virtual_hosts hosts = {0};

    (void)state;
    memset(name, 'a', sizeof(name));
    assert_int_equal(
        http_virtual_hosts_add(&hosts, (struct http_span){name, HTTP_VIRTUAL_HOSTS_NAME_MAX}, 1),
        0);
    assert_int_equal(http_virtual_hosts_add(
                         &hosts, (struct http_span){name, HTTP_VIRTUAL_HOSTS_NAME_MAX + 1}, 2),
                     -EINVAL);
    assert_int_equal(
        http_virtual_hosts_find(&hosts, (struct http_span){name, HTTP_VIRTUAL_HOSTS_NAME_MAX}), 1);
    assert_int_equal(
        http_virtual_hosts_find(&hosts, (struct http_span){name, HTTP_VIRTUAL_HOSTS_NAME_MAX + 1}),
        HTTP_VIRTUAL_HOSTS_NONE);
    http_virtual_hosts_fini(&hosts);
}

/* Many names: each is found, whatever the order in which they came. */
static void
test_http_virtual_hosts_many(void **state)
{
    struct http_virtual_hosts hosts = {0};
    char name[] = "h0000.example.org";

    (void)state;
    for (uint32_t i = 0; i < 1000; i++) {
        uint32_t n = i * 7919 % 1000;

        for (uint32_t d = 4, rest = n; d > 0; d--, rest /= 10)
            name[d] = (char)('0' + rest % 10);
        assert_int_equal(add(&hosts, name, n), 0);
    }
    for (uint32_t n = 0; n < 1000; n++) {
        for (uint32_t d = 4, rest = n; d > 0; d--, rest /= 10)
            name[d] = (char)('0' + rest % 10);
        assert_int_equal(find(&hosts, name), n);
    }
    http_virtual_hosts_fini(&hosts);
}

#define TEST(name) cmocka_unit_test(test_http_virtual_hosts_##name)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(case_port_and_last_dot_do_not_matter),
        TEST(others_are_none),
        TEST(longest_name_decides),
        TEST(refuses_what_is_no_name),
        TEST(name_length_is_bounded),
        TEST(many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
