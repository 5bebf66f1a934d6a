#include "http/route/match/methods.h"

#include <stdio.h>

static const struct goevd_http *http_methods_api;

size_t
http_methods_allow(char to[HTTP_METHODS_ALLOW_MAX], uint16_t methods)
{
    size_t n = 0;

    to[0] = '\0';
    for (int m = 0; m < HTTP_METHOD_COUNT; m++)
        if (methods & 1U << m)
            n += (size_t)snprintf(to + n, HTTP_METHODS_ALLOW_MAX - n, "%s%s", n == 0 ? "" : ", ",
                                  http_method_names[m]);
    return n;
}

static int
http_methods_request(struct goevd_http_request *r, void *state)
{
    char allow[HTTP_METHODS_ALLOW_MAX];
    size_t len = http_methods_allow(allow, (uint16_t)(uintptr_t)http_methods_api->instance(r));
    int result = http_methods_api->add_header(r, "Allow", allow, len);

    (void)state;
    return result < 0 ? result : http_methods_api->reply(r, 405, "", 0, NULL, 0);
}

const struct goevd_http_handler http_methods_handler = {
    .version = GOEVD_HTTP_VERSION_OF(struct goevd_http_handler),
    .http = &http_methods_api,
    .on_request = http_methods_request,
};
