/* Whole connections, bytes in and bytes out: the same bytes come out however those that go in are
 * cut, what comes out is a row of replies, and a slow reader changes nothing but the time. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "http_host.h"

#define STR(text)                                                                                  \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }
#define IN_MAX 600

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const struct options_respond hello = {.status = 200, .body = STR("Hello, World!")};
static const struct options_respond empty = {.status = 204};
static const struct options_redirect to_root = {.to = STR("/")};
static const int post[] = {2};

static const struct options_route routes[] = {
    {.path = STR("/"), .respond = &hello},
    {.path = STR("/plaintext"), .respond = &hello},
    {.path = STR("/sub/*"), .respond = &hello},
    {.path = STR("/empty"), .respond = &empty},
    {.path = STR("/old"), .redirect = &to_root},
    {.path = STR("/form"), .methods = {post, 1}, .respond = &hello},
};

/* One instance for all inputs: its Date stands still, for nothing turns its timer. */
static struct http_host *
the_host(void)
{
    static struct options o;
    static struct http_host host;

    if (host.instance == NULL) {
        o = http_host_options(routes, sizeof(routes) / sizeof(routes[0]));
        assert(http_host_init(&host, &o) == 0);
    }
    return &host;
}

static void
run(struct goevd_conn *c, const uint8_t *data, size_t len, size_t piece, size_t high)
{
    http_conn_init(c, the_host());
    c->high = high;
    http_conn_feed_cut(c, (const char *)data, len, piece);
    for (unsigned i = 0; c->above && !c->closed; i++) {
        assert(i <= len);
        http_conn_drain(c);
    }
    http_conn_eof(c);
    assert(c->closed);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const struct {
        size_t piece;
        size_t high;
    } ways[] = {{1, 0}, {7, 0}, {IN_MAX, 1}, {3, 500}};
    struct goevd_conn whole;

    if (len > IN_MAX)
        return 0;
    run(&whole, data, len, IN_MAX, 0);
    assert(whole.out_len == 0 || memcmp(whole.out, "HTTP/1.1 ", 9) == 0);
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        struct goevd_conn c;

        run(&c, data, len, ways[i].piece, ways[i].high);
        assert(c.out_len == whole.out_len);
        assert(c.out_len == 0 || memcmp(c.out, whole.out, c.out_len) == 0);
        http_conn_fini(&c);
    }
    http_conn_fini(&whole);
    return 0;
}
