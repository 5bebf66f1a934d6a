/* Redirects with parts of a request: no request may choose the host. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "unit/http/http_fixture.h"

static void
check(const char *path, const char *to, const char *target, const char *location)
{
    struct http_options_redirect redirect = {.to = {to, strlen(to)}, .status = 4};
    struct http_options_route route = {.path = {path, strlen(path)}, .redirect = &redirect};
    struct http_fixture *f = http_fixture_begin_with(http_host_options(&route, 1));
    char text[9000];

    snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", target);
    http_fixture_send(f, text);
    assert_int_equal(http_fixture_sent(f, "HTTP/1.1 308 Permanent Redirect\r\n"), 1);
    snprintf(text, sizeof(text), "\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n", location);
    if (http_fixture_sent(f, text) != 1)
        fail_msg("not %s: %.*s", location, (int)f->c.out_len, f->c.out);
    http_fixture_end(f);
}

static void
test_http_redirect_takes_pieces(void **state)
{
    (void)state;
    check("/old/*", "/new/{*}", "/old/a/b", "/new/a/b");
    check("/old/*", "/new/{*}", "/old/", "/new/");
    check("/old/*", "/new/{*}", "/old/a/../b//c", "/new/b/c");
    check("/{a}/x/{b}", "/{b}/{a}-{a}", "/1/x/2", "/2/1-1");
    check("/*", "https://example.org:8443/{*}", "/a/b", "https://example.org:8443/a/b");
    check("/*", "//example.org/{*}", "/a/b", "//example.org/a/b");
    check("/u/{id}", "/users?id={id}#top", "/u/7", "/users?id=7#top");
}

static void
test_http_redirect_takes_the_query(void **state)
{
    (void)state;
    check("/a", "/b{?}", "/a", "/b");
    check("/a", "/b{?}", "/a?", "/b?");
    check("/a", "/b{?}", "/a?x=1&y=%20?", "/b?x=1&y=%20?");
    check("/a", "/b?z{?}#c", "/a?x=1", "/b?z&x=1#c");
    check("/a", "/b?z{?}", "/a", "/b?z");
    check("/a", "/b{?}", "/a?//evil\\", "/b?//evil\\");
}

static void
test_http_redirect_encodes(void **state)
{
    (void)state;
    check("/{a}", "/n/{a}", "/x%0d%0aSet-Cookie:%20a", "/n/x%0D%0ASet-Cookie:%20a");
    check("/{a}", "/n/{a}", "/%25%3f%23%5c%22%e9", "/n/%25%3F%23%5C%22%E9");
    check("/{a}", "/n/{a}", "/a!$&'()*+,;=:@-._~", "/n/a!$&'()*+,;=:@-._~");
    check("/{a}", "/n?q={a}", "/a&b=c+d;e", "/n?q=a%26b%3Dc%2Bd%3Be");
    check("/{a}", "/n#{a}", "/a&b", "/n#a%26b");
    check("/a/*", "/n?q={*}", "/a/b/c%26", "/n?q=b/c%26");
    /* a decoded reserved character names another resource, RFC 3986 section 2.2 */
    check("/o/*", "/n/{*}", "/o/a%2Fb", "/n/a%2Fb");
    check("/o/*", "/n/{*}", "/o/a%2f%2Fb/%2fc//d", "/n/a%2Fb/c/d");
    check("/o/*", "/n/{*}", "/o/a%3bb%2Cc;d,e", "/n/a%3Bb%2Cc;d,e");
    check("/o/{a}", "/n/{a}", "/o/%21%24%26%27%28%29%2A%2B%2C%3B%3D%3A%40",
          "/n/%21%24%26%27%28%29%2A%2B%2C%3B%3D%3A%40");
    check("/o/{a}/{b}", "/n/{b}/{a}", "/o/./x%3A/../x%3b/y;%41", "/n/y;A/x%3B");
    check("/o/*", "/n?q={*}", "/o/a%2Fb/c", "/n?q=a%2Fb/c");
    check("/o/*", "/n/{*}", "http://h/o/a%2Fb", "/n/a%2Fb");
}

static void
test_http_redirect_stays_where_it_is_sent(void **state)
{
    (void)state;
    check("/*", "/{*}", "//evil.org/", "/evil.org/");
    check("/*", "/{*}", "/%2f%2fevil.org/", "/evil.org/");
    check("/*", "/{*}", "/%5cevil.org", "/%5Cevil.org");
    check("/*", "/{*}", "/%09/evil.org", "/%09/evil.org");
    check("/{a}/*", "/{*}/{a}", "/evil.org/", "/evil.org");
    check("/{a}/{b}/*", "/{*}///{a}", "/evil.org/x/", "/evil.org");
    check("/*", "https://good.org/{*}", "/@evil.org", "https://good.org/@evil.org");
    check("/*", "/{*}", "http://evil.org//x", "/x");
    check("/o/*", "/{*}", "/o/%2f%2fevil.org", "/evil.org");
    check("/o/*", "/{*}", "/o/x/../%2f/evil.org", "/evil.org");
    check("/o/*", "/{*}", "/o/%5c%2fevil.org", "/%5C%2Fevil.org");
}

static void
test_http_redirect_is_bounded(void **state)
{
    struct http_options_redirect redirect = {.to = {"/{a}", 4}, .status = 0};
    struct http_options_route route = {.path = {"/{a}", 4}, .redirect = &redirect};
    struct http_options o = http_host_options(&route, 1);
    char text[3 * 2730 + 64];
    struct http_fixture *f;
    size_t n;

    (void)state;
    o.request_line_max = 20000;
    f = http_fixture_begin_with(o);
    for (size_t len = 2730; len <= 2731; len++) { /* 8192 bytes are 1 and 3 * 2730, and one more */
        n = (size_t)sprintf(text, "GET /");
        for (size_t i = 0; i < 2730; i++)
            n += (size_t)sprintf(text + n, "%%20");
        n += (size_t)sprintf(text + n, "%s HTTP/1.1\r\nHost: a\r\n\r\n", len == 2730 ? "a" : "ab");
        http_fixture_send(f, text);
        assert_int_equal(http_fixture_sent(f, "HTTP/1.1 301 "), len == 2730);
        assert_int_equal(http_fixture_sent(f, "HTTP/1.1 414 "), len != 2730);
        http_conn_clear(&f->c);
    }
    http_fixture_end(f);
}

#define TEST(name) cmocka_unit_test(test_http_redirect_##name)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(takes_pieces),           TEST(takes_the_query), TEST(encodes),
        TEST(stays_where_it_is_sent), TEST(is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
