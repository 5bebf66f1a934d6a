/* Errors of create, with place and reason. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "unit/http/http_host.h"

#define STR(text)                                                                                  \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }

static const struct http_options_respond hello = {.status = 200, .body = STR("hi")};
static const struct http_options_respond nothing = {.status = 204};

static void
check(struct http_options o, const char *path, const char *words)
{
    struct http_host host;
    int r = http_host_init(&host, &o);

    if (path == NULL) {
        if (r != 0)
            fail_msg("%s: %s", http_host_self.path, http_host_self.text);
        http_host_fini(&host);
        return;
    }
    assert_int_equal(r, -EINVAL);
    assert_string_equal(http_host_self.path, path);
    if (strstr(http_host_self.text, words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", http_host_self.text, words);
}

static void
check_route(struct http_options_route route, const char *path, const char *words)
{
    check(http_host_options(&route, 1), path, words);
}

static void
check_path(const char *route_path, const char *words)
{
    struct http_options_route route = {.path = {route_path, strlen(route_path)}, .respond = &hello};

    check_route(route, words == NULL ? NULL : "routes[0].path", words);
}

static void
check_header(const char *name, const char *value, const char *words)
{
    struct goevd_pair pair = {{name, strlen(name)}, {value, strlen(value)}};
    struct http_options_respond respond = {.status = 200, .headers = {&pair, 1}, .body = STR("hi")};
    struct http_options_route route = {.path = STR("/"), .respond = &respond};

    check_route(route, words == NULL ? NULL : "routes[0].respond.headers", words);
}

static void
check_from_to(const char *path, const char *to, const char *words)
{
    struct http_options_redirect redirect = {.to = {to, strlen(to)}};
    struct http_options_route route = {.path = {path, strlen(path)}, .redirect = &redirect};

    check_route(route, words == NULL ? NULL : "routes[0].redirect.to", words);
}

static void
check_to(const char *to, const char *words)
{
    check_from_to("/", to, words);
}

static void
test_http_options_paths(void **state)
{
    (void)state;
    check_path("/", NULL);
    check_path("/*", NULL);
    check_path("/a/b c/\xc3\xa9/*", NULL);
    check_path("a", "does not begin with \"/\"");
    check_path("/a*", "only stand at the end");
    check_path("/*/a", "only stand at the end");
    check_path("/a/**", "only stand at the end");
    check_path("/a%20b", "write the characters themselves");
    check_path("/a?b", "without the query");
    check_path("/a\nb", "control character");
    check_path("//a", "can never match");
    check_path("/a/../b", "can never match");
    check_path("/..", "can never match");
    check_path("/a/./*", "can never match");
}

static void
test_http_options_duplicate_routes(void **state)
{
    static const int get[] = {0};
    static const int post[] = {2};
    struct http_options_route same[] = {
        {.path = STR("/x"), .respond = &hello},
        {.path = STR("/"), .respond = &hello},
        {.path = STR("/x"), .methods = {get, 1}, .respond = &hello}};
    struct http_options_route apart[] = {
        {.path = STR("/x"), .respond = &hello},
        {.path = STR("/x/*"), .respond = &hello},
        {.path = STR("/x"), .methods = {post, 1}, .respond = &hello}};

    (void)state;
    check(http_host_options(same, 3), "routes[2].path", "an earlier route answers \"/x\"");
    check(http_host_options(apart, 3), NULL, NULL);
}

static void
test_http_options_headers(void **state)
{
    (void)state;
    check_header("X-A", "b c\t\xe9", NULL);
    check_header("X-A", "", NULL);
    check_header("Set-Cookie", "a=b; Path=/", NULL);
    check_header("", "b", "no header name");
    check_header("X A", "b", "no header name");
    check_header("X:", "b", "no header name");
    check_header("X\r\nY", "b", "no header name");
    check_header("X-A", "b\r\nEvil: 1", "line break");
    check_header("X-A", "b\nc", "line break");
    check_header("X-A", " b", "white space at an end");
    check_header("X-A", "b ", "white space at an end");
    check_header("X-A", "\xc3\xa9 ", "white space at an end");
    check_header("Content-Length", "5", "set by the server itself");
    check_header("DATE", "x", "set by the server itself");
    check_header("connection", "close", "set by the server itself");
    check_header("Transfer-Encoding", "chunked", "set by the server itself");
    check_header("Server", "x", "see the option server");
}

static void
test_http_options_headers_in_all_are_bounded(void **state)
{
    static char value[16400];

    (void)state;
    memset(value, 'v', sizeof(value) - 1);
    check_header("X", value, "at most 16384");
    /* "X: " CR LF, the default type and its CR LF, a NUL */
    value[16384 - 5 - 41 - 1] = '\0';
    check_header("X", value, NULL);
}

static void
test_http_options_bodies(void **state)
{
    static const struct http_options_respond bad[] = {{.status = 204, .body = STR("x")},
                                                      {.status = 205, .body = STR("x")},
                                                      {.status = 304, .body = STR("x")}};

    (void)state;
    for (size_t i = 0; i < 3; i++)
        check_route((struct http_options_route){.path = STR("/"), .respond = &bad[i]},
                    "routes[0].respond.body", "has no body");
    check_route((struct http_options_route){.path = STR("/"), .respond = &nothing}, NULL, NULL);
}

static void
test_http_options_redirects(void **state)
{
    (void)state;
    check_to("https://example.com/a?b=c#d", NULL);
    check_to("/elsewhere/%20", NULL);
    check_to("/a b", "%20");
    check_to("/a\r\nSet-Cookie: x", "may not stand in a URL");
    check_to("/\xc3\xa9", "may not stand in a URL");
    check_to("", "may not stand in a URL");
}

static void
test_http_options_redirects_with_names(void **state)
{
    (void)state;
    check_to("/a{?}", NULL);
    check_to("/a{?}#b", NULL);
    check_to("/a{?}/", "only stand at the end");
    check_to("/a b{?}", "%20");
    check_to("/a{", "is no {name}");
    check_to("/a{}", "is no {name}");
    check_to("/a}{?}", "may not stand in a URL");
    check_to("/{name}", "has nothing for {name}");
    check_to("/{*}", "has nothing for {*}");
    check_from_to("/{name}/{other}", "/{other}/{name}", NULL);
    check_from_to("/{names}", "/{name}", "has nothing for {name}");
    check_from_to("/*", "http://a/{*}", NULL);
    check_from_to("/*", "{*}", "choose the host");
    check_from_to("/*", "http://{*}", "choose the host");
    check_from_to("/*", "https://a{*}", "choose the host");
    check_from_to("/*", "https://a:{*}/", "choose the host");
    check_from_to("/*", "https:///{*}", "choose the host");
    check_from_to("/*", "https:/a/{*}", "choose the host");
    check_from_to("/*", "https:a/{*}", "choose the host");
    check_from_to("/*", "HTTPS://a/{*}", "choose the host");
    check_from_to("/*", "///{*}", "choose the host");
    check_from_to("/*", "//a?{*}", "choose the host");
    check_from_to("/*", "ftp://a/{*}", "choose the host");
}

static void
test_http_options_server(void **state)
{
    struct http_options o = http_host_options(NULL, 0);

    (void)state;
    check(o, NULL, NULL);
    o.server = (struct goevd_str)STR("goevd/1.0 (x)");
    check(o, NULL, NULL);
    o.server = (struct goevd_str)STR("a\r\nb");
    check(o, "server", "line break");
    o.server = (struct goevd_str)STR(" a");
    check(o, "server", "product name");
}

/* Consistency of the schema. */
static void
check_schema(const struct goevd_schema *schema, unsigned depth)
{
    assert_int_equal(schema->option_size, sizeof(struct goevd_option));
    assert_true(depth < 5);
    for (const struct goevd_option *o = schema->options; o->type != GOEVD_OPTION_END; o++) {
        assert_true(o->offset < schema->size);
        assert_non_null(o->help);
        assert_true(o->min <= o->max);
        assert_true((o->type == GOEVD_OPTION_ENUM) == (o->choices != NULL));
        assert_true((o->type == GOEVD_OPTION_RECORD || o->type == GOEVD_OPTION_LIST) ==
                    (o->item != NULL));
        if (o->item != NULL)
            check_schema(o->item, depth + 1);
    }
}

/* As many hosts with as many routes each. */
static void
check_hosts(size_t count, size_t routes_count, const char *path, const char *words)
{
    struct http_options_route *routes = calloc(routes_count, sizeof(*routes));
    struct http_options_host *hosts = calloc(count, sizeof(*hosts));
    char(*paths)[16] = calloc(routes_count, sizeof(*paths));
    char(*names)[16] = calloc(count, sizeof(*names));
    struct goevd_str *name = calloc(count, sizeof(*name));
    struct http_options o = http_host_options(NULL, 0);

    assert_true(routes != NULL && hosts != NULL && paths != NULL && names != NULL && name != NULL);
    for (size_t i = 0; i < routes_count; i++) {
        int n = snprintf(paths[i], sizeof(paths[i]), "/%zu", i);

        routes[i] = (struct http_options_route){.path = {paths[i], (size_t)n}, .respond = &hello};
    }
    for (size_t i = 0; i < count; i++) {
        int n = snprintf(names[i], sizeof(names[i]), "%zu.org", i);

        name[i] = (struct goevd_str){names[i], (size_t)n};
        hosts[i] =
            (struct http_options_host){.names = {&name[i], 1}, .routes = {routes, routes_count}};
    }
    o.hosts = (struct goevd_list){hosts, count};
    check(o, path, words);
    free(routes);
    free(hosts);
    free(paths);
    free(names);
    free(name);
}

static void
test_http_options_routes_of_all_hosts_are_bounded(void **state)
{
    (void)state;
    check_hosts(4, 4096, NULL, NULL);
    check_hosts(5, 3277, "hosts", "there are 16385 routes in all and 16384 are the most");
}

static void
test_http_options_schema_is_whole(void **state)
{
    (void)state;
    check_schema(goevd_plugin_entry.options, 0);
}

#define TEST(name) cmocka_unit_test(test_http_options_##name)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(paths),
        TEST(duplicate_routes),
        TEST(headers),
        TEST(headers_in_all_are_bounded),
        TEST(bodies),
        TEST(redirects),
        TEST(redirects_with_names),
        TEST(server),
        TEST(schema_is_whole),
        TEST(routes_of_all_hosts_are_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
