/* status - an HTTP handler with a page that shows the state of goevd, and the same as JSON.
 *
 * Both are rendered on the work pool, because they may be long, and because goevd waits until each
 * poller has updated its gauges.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <goevd/http.h>
#include <goevd/metrics.h>
#include <goevd/work.h>

#include "status/render.h"

#define STATUS_NONCE_BYTES 16

GOEVD_HTTP_TABLE;

struct status {
    struct goevd_self *self;
};

/* A request while its reply is rendered. */
struct status_job {
    struct status *status;
    bool json;
    char nonce[2 * STATUS_NONCE_BYTES + 1];
    char *text;
    size_t len;
};

/* ---- The job on the work pool ---------------------------------------------------------------- */

static int
status_make_nonce(char *ret)
{
    unsigned char bytes[STATUS_NONCE_BYTES];

    if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
        return -EIO;
    for (size_t i = 0; i < sizeof(bytes); i++)
        snprintf(ret + 2 * i, 3, "%02x", bytes[i]);
    return 0;
}

static int
status_run(void *arg)
{
    struct status_job *job = arg;
    char *records = NULL;
    size_t len;
    FILE *out;
    int r = status_make_nonce(job->nonce);

    if (r == 0)
        r = goevd_metrics_text(job->status->self, GOEVD_METRICS_OVERVIEW, &records, &len);
    if (r < 0)
        return r;
    out = open_memstream(&job->text, &job->len);
    if (out && job->json)
        status_json(out, records);
    else if (out)
        status_page(out, records, job->nonce);
    free(records);
    return out && fclose(out) == 0 ? 0 : -ENOMEM;
}

/* ---- Requests -------------------------------------------------------------------------------- */

static int
status_busy(struct goevd_http_request *r)
{
    int result = goevd_http_add_header(r, "Retry-After", "1");

    return result < 0 ? result : goevd_http_reply(r, 503, NULL, NULL, 0);
}

/* The policy permits only the page's own script, no other content, and no frame around the page. */
static int
status_add_headers(struct goevd_http_request *r, const struct status_job *job)
{
    char policy[512];
    int result;

    snprintf(policy, sizeof(policy),
             "default-src 'none'; script-src 'nonce-%s'; style-src 'nonce-%s'; connect-src 'self'; "
             "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
             job->nonce, job->nonce);
    result = goevd_http_add_header(r, "Content-Security-Policy", policy);
    if (result == 0)
        result = goevd_http_add_header(r, "Cache-Control", "no-store");
    if (result == 0)
        result = goevd_http_add_header(r, "X-Content-Type-Options", "nosniff");
    return result == 0 ? goevd_http_add_header(r, "Referrer-Policy", "no-referrer") : result;
}

static int
status_reply(struct goevd_http_request *r, const struct status_job *job)
{
    int result = status_add_headers(r, job);

    if (result < 0)
        return result;
    return goevd_http_reply(r, 200, job->json ? "application/json" : "text/html; charset=utf-8",
                            job->text, job->len);
}

static void
status_done(struct goevd_http_request *r, void *state, void *arg, int result)
{
    struct status_job *job = arg;
    int sent = 0;

    (void)state;
    if (r)
        sent = result == 0 ? status_reply(r, job) : status_busy(r);
    if (sent < 0)
        goevd_http_abort(r);
    free(job->text);
    free(job);
}

static int
status_submit(struct goevd_http_request *r, struct status *s, bool json)
{
    struct status_job *job = calloc(1, sizeof(*job));
    int result;

    if (!job)
        return -ENOMEM;
    job->status = s;
    job->json = json;
    result = goevd_http_submit(s->self, r, 0, status_run, status_done, job);
    if (result == 0)
        return 0;
    free(job);
    return result == -EAGAIN ? status_busy(r) : result;
}

static bool
status_is(struct goevd_str text, const char *word)
{
    return text.len == strlen(word) && memcmp(text.data, word, text.len) == 0;
}

static int
status_on_request(struct goevd_http_request *r, void *state)
{
    enum goevd_http_method method = goevd_http_method(r);
    struct goevd_str name = goevd_http_param(r, "*");

    (void)state;
    if (!name.data || !(name.len == 0 || status_is(name, "status.json")))
        return goevd_http_reply(r, 404, NULL, NULL, 0);
    if (method != GOEVD_HTTP_GET && method != GOEVD_HTTP_HEAD)
        return goevd_http_refuse_method(r, "GET, HEAD");
    return status_submit(r, goevd_http_instance(r), name.len != 0);
}

/* ---- Life of an instance --------------------------------------------------------------------- */

static int
status_create(struct goevd_self *self, const void *options, void **ret_instance)
{
    struct status *s = calloc(1, sizeof(*s));

    (void)options;
    if (!s)
        return -ENOMEM;
    s->self = self;
    *ret_instance = s;
    return 0;
}

static void
status_destroy(void *instance)
{
    free(instance);
}

static const void *
status_interface(const char *id)
{
    static const struct goevd_http_handler handler = {
        .version = GOEVD_HTTP_VERSION_OF(struct goevd_http_handler),
        .http = &goevd_http,
        .on_request = status_on_request,
    };

    return strcmp(id, GOEVD_HTTP) == 0 ? &handler : NULL;
}

GOEVD_PLUGIN(.name = "status", .description = "shows the state of goevd on a page",
             .create = status_create, .destroy = status_destroy, .interface = status_interface);
