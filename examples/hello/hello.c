/* hello - an HTTP handler that greets, to be copied. goevd-http-handler(7) explains it. */
#include <goevd/http.h>

GOEVD_HTTP_TABLE;

static int
hello_request(struct goevd_http_request *r, void *state)
{
    (void)state;
    return goevd_http_reply(r, 200, "text/plain", "Hello, World!", 13);
}

static int
hello_create(struct goevd_self *self, const void *options, void **ret_instance)
{
    (void)self, (void)options, (void)ret_instance;
    return 0;
}

static const void *
hello_interface(const char *id)
{
    static const struct goevd_http_handler handler = {
        GOEVD_HTTP_VERSION_OF(handler), .http = &goevd_http, .on_request = hello_request};
    return strcmp(id, GOEVD_HTTP) == 0 ? &handler : NULL;
}

GOEVD_PLUGIN(.name = "hello", .description = "greets over HTTP", .create = hello_create,
             .interface = hello_interface);
