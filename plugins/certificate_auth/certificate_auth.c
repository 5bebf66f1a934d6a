/* certificate_auth - passes requests of clients with a TLS certificate on. An HTTP handler that
 * stands before others.
 *
 * The listener has verified the certificate (`tls.client`). This handler decides which of the
 * verified clients a route serves, and makes one fact of the certificate the user of the request.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <goevd/http.h>
#include <goevd/metrics.h>

GOEVD_HTTP_TABLE;

struct certificate_auth_options {
    int user;                /* index of user_choices */
    struct goevd_list allow; /* of struct goevd_str; empty: all */
};

struct certificate_auth {
    struct goevd_self *self;
    const struct certificate_auth_options *options;
    int refused; /* metric */
};

static const char *const user_choices[] = {"subject", "names", "serial", "fingerprint", NULL};
static const enum goevd_tls_fact user_facts[] = {GOEVD_TLS_CLIENT_SUBJECT, GOEVD_TLS_CLIENT_NAMES,
                                                 GOEVD_TLS_CLIENT_SERIAL,
                                                 GOEVD_TLS_CLIENT_FINGERPRINT};

static const struct goevd_option allow_options[] = {
    {.type = GOEVD_OPTION_STRING, .min = 1, .max = GOEVD_HTTP_USER_MAX},
    {.type = GOEVD_OPTION_END},
};
static const struct goevd_schema allow_schema = GOEVD_SCHEMA(struct goevd_str, allow_options);

static const struct goevd_option options_table[] = {
    {GOEVD_OPTION(struct certificate_auth_options, user, "user", ENUM), .def = "subject",
     .choices = user_choices,
     .help = "Fact of the certificate that becomes the user of the request."},
    {GOEVD_OPTION(struct certificate_auth_options, allow, "allow", LIST), .max = 10000,
     .item = &allow_schema,
     .help = "Users that are served. Default: all with a verified certificate."},
    {.type = GOEVD_OPTION_END},
};
static const struct goevd_schema options_schema =
    GOEVD_SCHEMA(struct certificate_auth_options, options_table);

/* ---- Requests -------------------------------------------------------------------------------- */

static bool
certificate_auth_is_allowed(const struct certificate_auth_options *o, struct goevd_str user)
{
    const struct goevd_str *allowed = o->allow.items;

    for (size_t i = 0; i < o->allow.count; i++)
        if (allowed[i].len == user.len && memcmp(allowed[i].data, user.data, user.len) == 0)
            return true;
    return o->allow.count == 0;
}

static int
certificate_auth_refuse(const struct certificate_auth *a, struct goevd_http_request *r)
{
    goevd_metric_add(a->self, goevd_http_poller(r), a->refused, 1);
    return goevd_http_reply(r, 403, NULL, NULL, 0);
}

static int
certificate_auth_on_request(struct goevd_http_request *r, void *state)
{
    const struct certificate_auth *a = goevd_http_instance(r);
    struct goevd_str user = goevd_http_tls(r, user_facts[a->options->user]);
    int result;

    (void)state;
    if (user.len == 0 || user.len > GOEVD_HTTP_USER_MAX ||
        !certificate_auth_is_allowed(a->options, user))
        return certificate_auth_refuse(a, r);
    result = goevd_http_set_user(r, user.data, user.len);
    return result < 0 ? result : goevd_http_next(r);
}

/* ---- Life of an instance --------------------------------------------------------------------- */

static int
certificate_auth_create(struct goevd_self *self, const void *options, void **ret_instance)
{
    const struct goevd_metric refused = {
        .name = "goevd_certificate_auth_requests_refused_total",
        .help = "Requests of clients without an allowed certificate.",
        .type = GOEVD_METRIC_COUNTER,
    };
    struct certificate_auth *a = calloc(1, sizeof(*a));

    if (!a)
        return -ENOMEM;
    a->self = self;
    a->options = options;
    a->refused = goevd_metric_new(self, &refused, NULL);
    if (a->refused < 0) {
        int r = a->refused;

        free(a);
        return r;
    }
    *ret_instance = a;
    return 0;
}

static void
certificate_auth_destroy(void *instance)
{
    free(instance);
}

static const void *
certificate_auth_interface(const char *id)
{
    static const struct goevd_http_handler handler = {
        .version = GOEVD_HTTP_VERSION_OF(struct goevd_http_handler),
        .http = &goevd_http,
        .on_request = certificate_auth_on_request,
    };

    return strcmp(id, GOEVD_HTTP) == 0 ? &handler : NULL;
}

GOEVD_PLUGIN(.name = "certificate_auth", .description = "demands TLS certificates of clients",
             .options = &options_schema, .create = certificate_auth_create,
             .destroy = certificate_auth_destroy, .interface = certificate_auth_interface);
