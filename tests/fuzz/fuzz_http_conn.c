/* Whole connections with handlers, bytes in and bytes out: the same bytes come out however those
 * that go in are cut, the output is a sequence of replies, and a slow reader changes nothing but
 * the time. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <goevd/http.h>

#include "unit/http/http_host.h"

#define STR(text)                                                                                  \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }
#define IN_MAX 600

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

GOEVD_HTTP_TABLE;

/* ---- A handler that echoes bodies, or replies with their sum --------------------------------- */

struct sum {
    unsigned bytes;
    unsigned sum;
};

static int
handler_request(struct goevd_http_request *r, void *state)
{
    static const char text[200] = {'x'};
    struct goevd_str how = goevd_http_param(r, "how");

    (void)state;
    if (how.len == 1 && how.data[0] == 'n')
        return goevd_http_next(r);
    if (how.len == 1 && how.data[0] == 'c' && goevd_http_coding(r, "gzip") > 1000)
        abort();
    if (how.len == 1 && how.data[0] == 'r')
        return goevd_http_reply(r, 200, NULL, "at once", 7);
    if (how.len == 1 && how.data[0] == 't')
        return goevd_http_reply(r, 200, "text/plain", text, sizeof(text));
    return goevd_http_read(r, 50, how.len == 1 && how.data[0] == 'g' ? GOEVD_HTTP_GATHER : 0);
}

static ptrdiff_t
handler_body(struct goevd_http_request *r, void *state, const char *data, size_t len,
             unsigned flags)
{
    struct goevd_str name, value;
    struct sum *s = state;
    struct goevd_str how = goevd_http_param(r, "how");

    for (size_t i = 0; i < len; i++)
        s->sum += (unsigned char)data[i];
    s->bytes += (unsigned)len;
    if ((flags & GOEVD_HTTP_LAST) == 0)
        return (ptrdiff_t)len;
    for (size_t i = 0; goevd_http_trailer_at(r, i, &name, &value); i++)
        s->sum =
            s->sum * 31 + (unsigned)(name.len * 1000 + value.len) + (unsigned char)name.data[0];
    if (how.len == 1 && how.data[0] == 'g') {
        goevd_http_reply(r, 200, "text/plain", data, len);
        return (ptrdiff_t)len;
    }
    goevd_http_start(r, 200, "text/css", GOEVD_HTTP_LENGTH_UNKNOWN);
    goevd_http_write(r, s, sizeof(*s));
    return goevd_http_end(r) < 0 ? -1 : (ptrdiff_t)len;
}

static int requests_open;

static int
handler_request_counted(struct goevd_http_request *r, void *state)
{
    requests_open++;
    return handler_request(r, state);
}

static void
handler_close(struct goevd_http_request *r, void *state, enum goevd_http_reason reason)
{
    (void)r, (void)state;
    assert(reason < GOEVD_HTTP_REASON_COUNT);
    requests_open--;
}

static const struct goevd_http_handler handler = {
    .version = GOEVD_HTTP_VERSION_OF(struct goevd_http_handler),
    .request_size = sizeof(struct sum),
    .http = &goevd_http,
    .on_request = handler_request_counted,
    .on_body = handler_body,
    .on_close = handler_close,
};
static struct goevd_plugin handler_plugin = {&handler, NULL};
static struct goevd_plugin *const handlers[] = {&handler_plugin, &handler_plugin};

/* ---- Routes ---------------------------------------------------------------------------------- */

static const struct http_options_respond hello = {.status = 200, .body = STR("Hello, World!")};
static const struct http_options_respond empty = {.status = 204};
static const struct http_options_redirect to_root = {.to = STR("/")};
static const struct http_options_redirect to_pieces = {.to = STR("/{*}/{a}{?}")};
static const int post[] = {2};

static const struct http_options_route routes[] = {
    {.path = STR("/"), .respond = &hello},
    {.path = STR("/plaintext"), .respond = &hello},
    {.path = STR("/sub/*"), .respond = &hello},
    {.path = STR("/empty"), .respond = &empty},
    {.path = STR("/old"), .redirect = &to_root},
    {.path = STR("/to/{a}/*"), .redirect = &to_pieces},
    {.path = STR("/h/{how}"), .handler = {handlers, 2}},
    {.path = STR("/form"), .methods = {post, 1}, .respond = &hello},
};

static const struct goevd_str types[] = {STR("text/plain"), STR("text/*")};
static const struct http_options_gzip gzip = {.length_min = 1, .types = {types, 2}, .level = 1};

static const struct http_options_access_log access_log = {.target = STR("log"), .buffer = 1 << 20};

enum kind { PLAIN, COMPRESSES, LOGS, KINDS };

/* One instance of each kind for all inputs: their Dates stand still, for nothing turns their
 * timers. */
static struct http_host *
the_host(enum kind kind)
{
    static struct http_options o[KINDS];
    static struct http_host hosts[KINDS];
    struct http_host *host = &hosts[kind];

    if (host->instance == NULL) {
        o[kind] = http_host_options(routes, sizeof(routes) / sizeof(routes[0]));
        o[kind].gzip = kind == COMPRESSES ? &gzip : NULL;
        o[kind].gzip_replies_max = 1;
        o[kind].access_log = kind == LOGS ? &access_log : NULL;
        assert(http_host_init(host, &o[kind]) == 0);
    }
    return host;
}

/* Returns how many lines were logged. */
static unsigned
run(struct http_host *host, struct goevd_conn *c, const uint8_t *data, size_t len, size_t piece,
    size_t high)
{
    unsigned lines = http_host_lines;

    http_conn_init(c, host);
    c->high = high;
    http_conn_feed_cut(c, (const char *)data, len, piece);
    for (unsigned i = 0; c->above && !c->closed; i++) {
        assert(i <= len);
        http_conn_drain(c);
    }
    http_conn_eof(c);
    assert(c->closed);
    c->host->stream->on_close(c, c->state, GOEVD_REASON_HANDLER);
    assert(requests_open == 0);
    return http_host_lines - lines;
}

static void
check(struct http_host *host, const uint8_t *data, size_t len)
{
    static const struct {
        size_t piece;
        size_t high;
    } ways[] = {{1, 0}, {7, 0}, {IN_MAX, 1}, {3, 500}};
    struct goevd_conn whole;
    unsigned lines = run(host, &whole, data, len, IN_MAX, 0);

    assert(whole.out_len == 0 || memcmp(whole.out, "HTTP/1.1 ", 9) == 0);
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        struct goevd_conn c;
        unsigned again = run(host, &c, data, len, ways[i].piece, ways[i].high);

        assert(again == lines);
        assert(c.out_len == whole.out_len);
        assert(c.out_len == 0 || memcmp(c.out, whole.out, c.out_len) == 0);
        http_conn_fini(&c);
    }
    http_conn_fini(&whole);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len > IN_MAX)
        return 0;
    check(the_host(PLAIN), data, len);
    check(the_host(LOGS), data, len);
    if (memmem(data, len, "gzip", 4) != NULL)
        check(the_host(COMPRESSES), data, len);
    return 0;
}
