#include "unit/http/http_fixture.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define STR(text)                                                                                  \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }

char http_fixture_long_body[20000];

static const struct goevd_pair headers[] = {
    {STR("Content-Type"), STR("text/html")},
    {STR("X-One"), STR("1")},
};
static const struct http_options_respond hello = {
    .status = 200, .headers = {headers, 2}, .body = STR("Hello, World!")};
static const struct http_options_respond large = {
    .status = 200, .body = {http_fixture_long_body, sizeof(http_fixture_long_body) - 1}};
static const struct http_options_redirect to_root = {.to = STR("/?a#b"), .status = 4};
static const int post[] = {HTTP_POST};

static const struct http_options_route routes[] = {
    {.path = STR("/"), .respond = &hello},
    {.path = STR("/large"), .respond = &large},
    {.path = STR("/old/*"), .redirect = &to_root},
    {.path = STR("/form"), .methods = {post, 1}, .respond = &hello},
};

struct http_options
http_fixture_options(void)
{
    return http_host_options(routes, sizeof(routes) / sizeof(routes[0]));
}

struct http_fixture *
http_fixture_begin_with(struct http_options options)
{
    struct http_fixture *f = calloc(1, sizeof(*f));
    int r;

    assert(f != NULL);
    memset(http_fixture_long_body, 'x', sizeof(http_fixture_long_body) - 1);
    f->options = options;
    r = http_host_init(&f->host, &f->options);
    assert(r == 0);
    http_conn_init(&f->c, &f->host);
    return f;
}

struct http_fixture *
http_fixture_begin(void)
{
    return http_fixture_begin_with(http_fixture_options());
}

void
http_fixture_end(struct http_fixture *f)
{
    http_conn_fini(&f->c);
    http_host_fini(&f->host);
    free(f);
}

void
http_fixture_send(struct http_fixture *f, const char *text)
{
    http_conn_feed(&f->c, text, strlen(text));
}

unsigned
http_fixture_sent(const struct http_fixture *f, const char *text)
{
    size_t left = f->c.out_len;
    const char *p = f->c.out;
    unsigned n = 0;

    while (left != 0) {
        const char *found = memmem(p, left, text, strlen(text));

        if (found == NULL)
            break;
        n++;
        left -= (size_t)(found - p) + strlen(text);
        p = found + strlen(text);
    }
    return n;
}

const struct http_h1_local *
http_fixture_local(const struct http_fixture *f)
{
    const struct http_local *local = f->host.local;

    return local->h1;
}

uint64_t
http_fixture_refused(const struct http_fixture *f, int verdict)
{
    return http_fixture_local(f)->refused[http_verdict_index(verdict)];
}
