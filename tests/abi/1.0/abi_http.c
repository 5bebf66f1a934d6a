/* An HTTP handler of ABI 1.0: the path says how it answers. */
#include <stdio.h>
#include <string.h>

#include <goevd/http.h>

GOEVD_HTTP_TABLE;

#define WAIT_NS 2000000

struct state {
    uint64_t bytes;
};

static bool
abi_is(struct goevd_str text, const char *word)
{
    return text.len == strlen(word) && memcmp(text.data, word, text.len) == 0;
}

static int
abi_describe(struct goevd_http_request *r)
{
    struct goevd_str path = goevd_http_path(r), query = goevd_http_query(r);
    struct goevd_str agent = goevd_http_header(r, "User-Agent");
    char text[300];
    int n = snprintf(text, sizeof(text), "%d 1.%d %.*s %.*s %.*s %u", goevd_http_method(r),
                     goevd_http_minor(r), (int)path.len, path.data, (int)query.len, query.data,
                     (int)agent.len, agent.data, goevd_http_coding(r, "gzip"));

    goevd_http_add_header(r, "X-Abi", "1.0");
    return goevd_http_reply(r, 200, "text/plain", text, (size_t)n);
}

static int
abi_stream(struct goevd_http_request *r)
{
    int n = goevd_http_start(r, 200, "text/plain", GOEVD_HTTP_LENGTH_UNKNOWN);

    if (n >= 0)
        n = goevd_http_write(r, "in pieces", 9);
    if (n >= 0)
        n = goevd_http_trailer(r, "X-End", "here");
    return n < 0 ? n : goevd_http_end(r);
}

/* On a thread of the work pool. */
static int
abi_job(void *arg)
{
    (void)arg;
    return 42;
}

static void
abi_done(struct goevd_http_request *r, void *state, void *arg, int result)
{
    (void)state, (void)arg;
    if (r != NULL)
        goevd_http_reply(r, result == 42 ? 200 : 500, NULL, "worked", 6);
}

static int
abi_request(struct goevd_http_request *r, void *state)
{
    struct goevd_str what = goevd_http_param(r, "what");
    struct goevd_self *self = goevd_http_instance(r);

    (void)state;
    if (abi_is(what, "describe"))
        return abi_describe(r);
    if (abi_is(what, "stream"))
        return abi_stream(r);
    if (abi_is(what, "body"))
        return goevd_http_read(r, 0, 0);
    if (abi_is(what, "timer"))
        return goevd_http_timer(r, WAIT_NS);
    if (abi_is(what, "send"))
        return goevd_http_send(self, goevd_http_request_id(r), 202, NULL, "sent", 4, NULL, NULL);
    if (abi_is(what, "job"))
        return goevd_http_submit(self, r, abi_job, abi_done, NULL);
    return goevd_http_next(r);
}

static ptrdiff_t
abi_body(struct goevd_http_request *r, void *state, const char *data, size_t len, unsigned flags)
{
    struct state *s = state;
    char text[40];
    int n;

    (void)data;
    s->bytes += len;
    if (!(flags & GOEVD_HTTP_LAST))
        return (ptrdiff_t)len;
    n = snprintf(text, sizeof(text), "%llu bytes", (unsigned long long)s->bytes);
    n = goevd_http_reply(r, 200, "text/plain", text, (size_t)n);
    return n < 0 ? n : (ptrdiff_t)len;
}

static int
abi_timeout(struct goevd_http_request *r, void *state)
{
    (void)state;
    return goevd_http_reply(r, 200, NULL, "in time", 7);
}

static void
abi_close(struct goevd_http_request *r, void *state, enum goevd_http_reason reason)
{
    (void)state;
    goevd_log(goevd_http_instance(r), GOEVD_LOG_NOTICE, "over for reason %d", reason);
}

static const struct goevd_http_handler handler = {
    .version = GOEVD_HTTP_VERSION_OF(struct goevd_http_handler),
    .request_size = sizeof(struct state),
    .http = &goevd_http,
    .on_request = abi_request,
    .on_body = abi_body,
    .on_timeout = abi_timeout,
    .on_close = abi_close,
};

static int
abi_create(struct goevd_self *self, const void *options, void **ret_instance)
{
    (void)options;
    *ret_instance = self;
    return 0;
}

static const void *
abi_interface(const char *id)
{
    return strcmp(id, GOEVD_HTTP) == 0 ? &handler : NULL;
}

GOEVD_PLUGIN(.name = "abi_http", .description = "an HTTP handler of ABI 1.0", .create = abi_create,
             .interface = abi_interface);
