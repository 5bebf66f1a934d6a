/* @NAME@ - an HTTP handler that greets. goevd-http-handler(7) explains these callbacks, and the
 * others: bodies, replies in pieces or later, trailers, storage of each request and each poller. */
#include <stdio.h>
#include <string.h>

#include <goevd/http.h>

GOEVD_HTTP_TABLE;

#define TEXT_MAX 200

/* ---- Options --------------------------------------------------------------------------------- */

struct options {
    struct goevd_str greeting;
};

static const struct goevd_option rows[] = {
    {.name = "greeting",
     .type = GOEVD_OPTION_STRING,
     .offset = offsetof(struct options, greeting),
     .def = "Hello",
     .max = 64,
     .help = "how everybody is greeted"},
    {.type = GOEVD_OPTION_END},
};
static const struct goevd_schema schema = GOEVD_SCHEMA(struct options, rows);

/* ---- Requests -------------------------------------------------------------------------------- */

/* The header of a request has come. `state` is request_size bytes of the request's own. */
static int
@NAME@_request(struct goevd_http_request *r, void *state)
{
    const struct options *o = goevd_http_instance(r);
    struct goevd_str path = goevd_http_path(r);
    char text[TEXT_MAX];
    int len = snprintf(text, sizeof(text), "%.*s from %.*s\n", (int)o->greeting.len,
                       o->greeting.data, (int)(path.len < 100 ? path.len : 100), path.data);

    (void)state;
    return goevd_http_reply(r, 200, "text/plain", text, (size_t)len);
}

static const struct goevd_http_handler handler = {
    GOEVD_HTTP_VERSION_OF(handler),
    .http = &goevd_http,
    .on_request = @NAME@_request,
};

/* ---- The plugin ------------------------------------------------------------------------------ */

static int
@NAME@_create(struct goevd_self *self, const void *options, void **ret_instance)
{
    const struct options *o = options;

    /* goevd -t calls create too: refuse wrong options here, but start threads and write files only
     * if this is no check. */
    if (!goevd_checking(self))
        goevd_log(self, GOEVD_LOG_INFO, "greets with \"%.*s\"", (int)o->greeting.len,
                  o->greeting.data);
    *ret_instance = (void *)options; /* they outlive the instance, and are all of it */
    return 0;
}

static const void *
@NAME@_interface(const char *id)
{
    return strcmp(id, GOEVD_HTTP) == 0 ? &handler : NULL;
}

GOEVD_PLUGIN(.name = "@NAME@", .description = "greets over HTTP", .options = &schema,
             .create = @NAME@_create, .interface = @NAME@_interface);
