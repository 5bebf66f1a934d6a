/* cors - lets pages of other origins read replies (Fetch standard, section 3.2). An HTTP handler
 * that stands before others: it answers preflights itself, and adds headers to the replies of the
 * handlers behind it.
 *
 * The browser compares methods and headers with the lists that it gets. So a reply depends on the
 * origin alone, and its header values are rendered at start.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <goevd/http.h>

GOEVD_HTTP_TABLE;

struct cors_options {
    struct goevd_list origins; /* of struct goevd_str, as are headers and expose */
    struct goevd_list methods; /* of int, as in method_choices */
    struct goevd_list headers;
    struct goevd_list expose;
    bool credentials;
    int64_t max_age_ns;
};

struct cors {
    const struct cors_options *options;
    bool any; /* all origins */
    char *methods;
    char *headers; /* "": none; the same for `expose` */
    char *expose;
    char max_age[24];
};

/* ---- Options --------------------------------------------------------------------------------- */

static const struct goevd_option text_table[] = {
    {.type = GOEVD_OPTION_STRING, .min = 1, .max = 512, .help = "a text"},
    {.type = GOEVD_OPTION_END},
};
static const struct goevd_schema text_schema = GOEVD_SCHEMA(struct goevd_str, text_table);

static const char *const method_choices[] = {"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", NULL};
static const struct goevd_option method_table[] = {
    {.type = GOEVD_OPTION_ENUM, .choices = method_choices, .help = "a method"},
    {.type = GOEVD_OPTION_END},
};
static const struct goevd_schema method_schema = GOEVD_SCHEMA(int, method_table);

static const struct goevd_option options_table[] = {
    {GOEVD_OPTION(struct cors_options, origins, "origins", LIST), .flags = GOEVD_OPTION_REQUIRED,
     .min = 1, .max = 256, .item = &text_schema,
     .help = "Origins whose pages may read replies; \"*\" for all."},
    {GOEVD_OPTION(struct cors_options, methods, "methods", LIST), .def = "[GET, HEAD, POST]",
     .min = 1, .max = 6, .item = &method_schema, .help = "Methods that these pages may use."},
    {GOEVD_OPTION(struct cors_options, headers, "headers", LIST), .max = 100, .item = &text_schema,
     .help = "Request headers that they may set, besides those that every page may set."},
    {GOEVD_OPTION(struct cors_options, expose, "expose", LIST), .max = 100, .item = &text_schema,
     .help = "Reply headers that they may read, besides those that every page may read."},
    {GOEVD_OPTION(struct cors_options, credentials, "credentials", BOOL), .def = "false",
     .help = "Permit requests with cookies and passwords; not with \"*\"."},
    {GOEVD_OPTION(struct cors_options, max_age_ns, "max_age", DURATION), .def = "10m", .min = 0,
     .max = 86400 * GOEVD_SECOND, .help = "Time that a browser may keep the reply to a preflight."},
    {.type = GOEVD_OPTION_END},
};
static const struct goevd_schema options_schema = GOEVD_SCHEMA(struct cors_options, options_table);

/* ---- Header values --------------------------------------------------------------------------- */

static bool
cors_str_is(struct goevd_str s, const char *text)
{
    return s.len == strlen(text) && memcmp(s.data, text, s.len) == 0;
}

#define LOWER "abcdefghijklmnopqrstuvwxyz0123456789"

/* Whether the port is the default of the scheme. */
static bool
cors_has_usual_port(const char *origin)
{
    const char *port = strrchr(origin, ':');

    return port && (strncmp(origin, "https://", 8) == 0  ? strtoul(port + 1, NULL, 10) == 443
                    : strncmp(origin, "http://", 7) == 0 ? strtoul(port + 1, NULL, 10) == 80
                                                         : false);
}

static int
cors_check_origins(struct cors *cors, struct goevd_self *self)
{
    const struct goevd_list *list = &cors->options->origins;
    const struct goevd_str *origins = list->items;
    char at[32];

    for (size_t i = 0; i < list->count; i++) {
        snprintf(at, sizeof(at), "origins[%zu]", i);
        if (cors_str_is(origins[i], "*"))
            cors->any = true;
        else if (cors_has_usual_port(origins[i].data))
            return goevd_refuse(
                self, at, "\"%s\" never matches: browsers omit the default port; omit it, too",
                origins[i].data);
        else if (!goevd_http_origin_valid(origins[i].data))
            return goevd_refuse(self, at,
                                "\"%s\" is no origin: write it as in https://example.org, in lower "
                                "case, without a path, and with a port unless it is the default",
                                origins[i].data);
    }
    if (cors->any && list->count != 1)
        return goevd_refuse(self, "origins", "\"*\" is all origins; leave the others out");
    if (cors->any && cors->options->credentials)
        return goevd_refuse(self, "credentials",
                            "with credentials the origins have to be named: \"*\" would let any "
                            "page act for its visitors");
    return 0;
}

/* Whether the text is a header name, RFC 9110 section 5.1. */
static bool
cors_name_valid(struct goevd_str name)
{
    static const char token[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ" LOWER "!#$%&'*+-.^_`|~";

    return name.len == strspn(name.data, token) && !cors_str_is(name, "*");
}

/* ---- Lists ----------------------------------------------------------------------------------- */

static int
cors_join(const char *const *items, size_t count, char **ret)
{
    size_t size = 1;
    char *p;

    for (size_t i = 0; i < count; i++)
        size += strlen(items[i]) + strlen(", ");
    p = *ret = malloc(size);
    if (!p)
        return -ENOMEM;
    *p = '\0';
    for (size_t i = 0; i < count; i++)
        p += sprintf(p, "%s%s", i == 0 ? "" : ", ", items[i]);
    return 0;
}

static int
cors_join_names(struct goevd_self *self, const char *key, const struct goevd_list *list, char **ret)
{
    const struct goevd_str *items = list->items;
    const char *names[100];
    char at[32];

    for (size_t i = 0; i < list->count; i++) {
        snprintf(at, sizeof(at), "%s[%zu]", key, i);
        if (!cors_name_valid(items[i]))
            return goevd_refuse(self, at, "\"%s\" is no name of a header", items[i].data);
        names[i] = items[i].data;
    }
    return cors_join(names, list->count, ret);
}

static int
cors_join_methods(const struct goevd_list *list, char **ret)
{
    const int *items = list->items;
    const char *names[6];

    for (size_t i = 0; i < list->count; i++)
        names[i] = method_choices[items[i]];
    return cors_join(names, list->count, ret);
}

/* ---- Requests -------------------------------------------------------------------------------- */

static bool
cors_allows(const struct cors *cors, struct goevd_str origin)
{
    const struct goevd_str *origins = cors->options->origins.items;

    for (size_t i = 0; !cors->any && i < cors->options->origins.count; i++)
        if (origins[i].len == origin.len && memcmp(origins[i].data, origin.data, origin.len) == 0)
            return true;
    return cors->any;
}

/* Add the headers of a reply that the origin may read. */
static int
cors_add_allowed(const struct cors *cors, struct goevd_http_request *r, struct goevd_str origin)
{
    int result = cors->any ? goevd_http_add_header(r, "Access-Control-Allow-Origin", "*")
                           : goevd_http_add_header_bytes(r, "Access-Control-Allow-Origin",
                                                         origin.data, origin.len);

    if (result == 0 && cors->options->credentials)
        result = goevd_http_add_header(r, "Access-Control-Allow-Credentials", "true");
    return result;
}

static int
cors_preflight(const struct cors *cors, struct goevd_http_request *r)
{
    int result = goevd_http_add_header(r, "Access-Control-Allow-Methods", cors->methods);

    if (result == 0 && cors->headers[0] != '\0')
        result = goevd_http_add_header(r, "Access-Control-Allow-Headers", cors->headers);
    if (result == 0)
        result = goevd_http_add_header(r, "Access-Control-Max-Age", cors->max_age);
    return result < 0 ? result : goevd_http_reply(r, 204, NULL, NULL, 0);
}

static int
cors_request(struct goevd_http_request *r, void *state)
{
    static const char refused[] = "403 Forbidden: not from this origin\n";
    const struct cors *cors = goevd_http_instance(r);
    struct goevd_str origin = goevd_http_header(r, "Origin");
    bool preflight = goevd_http_method(r) == GOEVD_HTTP_OPTIONS && origin.data &&
                     goevd_http_header(r, "Access-Control-Request-Method").data;
    bool allowed = origin.data && cors_allows(cors, origin);
    int result = 0;

    (void)state;
    if (!cors->any) /* also without an origin, so that caches keep separate replies */
        result = goevd_http_add_header(r, "Vary", "Origin");
    if (result == 0 && allowed)
        result = cors_add_allowed(cors, r, origin);
    if (result < 0)
        return result;
    if (preflight)
        return allowed ? cors_preflight(cors, r)
                       : goevd_http_reply(r, 403, "text/plain; charset=utf-8", refused,
                                          strlen(refused));
    if (allowed && cors->expose[0] != '\0')
        result = goevd_http_add_header(r, "Access-Control-Expose-Headers", cors->expose);
    return result < 0 ? result : goevd_http_next(r);
}

/* ---- The life of an instance ----------------------------------------------------------------- */

static void
cors_destroy(void *instance)
{
    struct cors *cors = instance;

    free(cors->methods);
    free(cors->headers);
    free(cors->expose);
    free(cors);
}

static int
cors_create(struct goevd_self *self, const void *options, void **ret_instance)
{
    struct cors *cors = calloc(1, sizeof(*cors));
    int r;

    if (!cors)
        return -ENOMEM;
    cors->options = options;
    snprintf(cors->max_age, sizeof(cors->max_age), "%lld",
             (long long)(cors->options->max_age_ns / GOEVD_SECOND));
    r = cors_check_origins(cors, self);
    if (r == 0)
        r = cors_join_methods(&cors->options->methods, &cors->methods);
    if (r == 0)
        r = cors_join_names(self, "headers", &cors->options->headers, &cors->headers);
    if (r == 0)
        r = cors_join_names(self, "expose", &cors->options->expose, &cors->expose);
    if (r < 0) {
        cors_destroy(cors);
        return r;
    }
    *ret_instance = cors;
    return 0;
}

static const void *
cors_interface(const char *id)
{
    static const struct goevd_http_handler handler = {
        .version = GOEVD_HTTP_VERSION_OF(struct goevd_http_handler),
        .http = &goevd_http,
        .on_request = cors_request,
        .methods = 1U << GOEVD_HTTP_OPTIONS,
    };

    return strcmp(id, GOEVD_HTTP) == 0 ? &handler : NULL;
}

GOEVD_PLUGIN(.name = "cors", .description = "lets pages of other origins read replies",
             .options = &options_schema, .create = cors_create, .destroy = cors_destroy,
             .interface = cors_interface);
