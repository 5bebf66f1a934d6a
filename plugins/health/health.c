/* health - an HTTP handler that replies to the probes of load balancers and service managers.
 *
 * The probe `ready` fails as soon as goevd is asked to stop, and before it closes its listening
 * sockets (stop_delay). A reload does not change it, because a worker serves at all times.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <goevd/http.h>
#include <goevd/worker.h>

GOEVD_HTTP_TABLE;

enum health_probe { HEALTH_LIVE, HEALTH_READY };

struct health_options {
    int probe; /* enum health_probe */
};

struct health {
    struct goevd_self *self;
    enum health_probe probe;
};

static const char *const probe_choices[] = {"live", "ready", NULL};
static const struct goevd_option options_table[] = {
    {GOEVD_OPTION(struct health_options, probe, "probe", ENUM), .flags = GOEVD_OPTION_REQUIRED,
     .choices = probe_choices,
     .help = "Question that is answered. live: does goevd reply? ready: may it get new requests?"},
    {.type = GOEVD_OPTION_END},
};
static const struct goevd_schema options_schema =
    GOEVD_SCHEMA(struct health_options, options_table);

/* ---- Requests -------------------------------------------------------------------------------- */

static int
health_reply(struct goevd_http_request *r, int status, const char *body)
{
    int result = goevd_http_add_header(r, "Cache-Control", "no-store");

    if (result < 0)
        return result;
    return goevd_http_reply(r, status, "text/plain; charset=utf-8", body, strlen(body));
}

static int
health_on_request(struct goevd_http_request *r, void *state)
{
    const struct health *h = goevd_http_instance(r);
    enum goevd_http_method method = goevd_http_method(r);

    (void)state;
    if (method != GOEVD_HTTP_GET && method != GOEVD_HTTP_HEAD)
        return goevd_http_refuse_method(r, "GET, HEAD");
    if (h->probe == HEALTH_LIVE || !goevd_worker_is_stopping(h->self))
        return health_reply(r, 200, "ok\n");
    goevd_http_close_after(r); /* without this a balancer with a persistent connection would not
                                * notice the end */
    return health_reply(r, 503, "stopping\n");
}

/* ---- Life of an instance --------------------------------------------------------------------- */

static int
health_create(struct goevd_self *self, const void *options, void **ret_instance)
{
    const struct health_options *o = options;
    struct health *h = calloc(1, sizeof(*h));

    if (!h)
        return -ENOMEM;
    h->self = self;
    h->probe = (enum health_probe)o->probe;
    *ret_instance = h;
    return 0;
}

static void
health_destroy(void *instance)
{
    free(instance);
}

static const void *
health_interface(const char *id)
{
    static const struct goevd_http_handler handler = {
        .version = GOEVD_HTTP_VERSION_OF(struct goevd_http_handler),
        .http = &goevd_http,
        .on_request = health_on_request,
    };

    return strcmp(id, GOEVD_HTTP) == 0 ? &handler : NULL;
}

GOEVD_PLUGIN(.name = "health", .description = "replies to probes of load balancers",
             .options = &options_schema, .create = health_create, .destroy = health_destroy,
             .interface = health_interface);
