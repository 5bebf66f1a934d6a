/* metrics - an HTTP handler that replies with all metrics of goevd, for Prometheus.
 *
 * The text is rendered on the work pool, because it may be megabytes long, and because goevd waits
 * until each poller has updated its gauges. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <goevd/http.h>
#include <goevd/metrics.h>
#include <goevd/work.h>

GOEVD_HTTP_TABLE;

struct metrics {
    struct goevd_self *self;
};

/* A request while its reply is rendered. */
struct metrics_job {
    struct metrics *metrics;
    enum goevd_metrics_format format;
    char *text;
    size_t len;
};

/* ---- Formats --------------------------------------------------------------------------------- */

static const char *const metrics_types[] = {
    [GOEVD_METRICS_TEXT] = "text/plain; version=0.0.4; charset=utf-8",
    [GOEVD_METRICS_OPENMETRICS] = "application/openmetrics-text; version=1.0.0; charset=utf-8",
};

/* Whether to reply with OpenMetrics. Clients that accept it prefer it, so quality values need not
 * be compared. */
static bool
metrics_accepts_open(const struct goevd_http_request *r)
{
    static const char wanted[] = "application/openmetrics-text";
    size_t len = sizeof(wanted) - 1;
    struct goevd_str accept = goevd_http_header(r, "Accept");

    for (size_t i = 0; i + len <= accept.len; i++)
        if (strncasecmp(accept.data + i, wanted, len) == 0)
            return true;
    return false;
}

/* ---- Requests -------------------------------------------------------------------------------- */

static int
metrics_run(void *arg)
{
    struct metrics_job *job = arg;

    return goevd_metrics_text(job->metrics->self, job->format, &job->text, &job->len);
}

static int
metrics_busy(struct goevd_http_request *r)
{
    int result = goevd_http_add_header(r, "Retry-After", "1");

    return result < 0 ? result : goevd_http_reply(r, 503, NULL, NULL, 0);
}

static void
metrics_done(struct goevd_http_request *r, void *state, void *arg, int result)
{
    struct metrics_job *job = arg;
    int sent = 0;

    (void)state;
    if (r && result == 0)
        sent = goevd_http_reply(r, 200, metrics_types[job->format], job->text, job->len);
    else if (r)
        sent = metrics_busy(r);
    if (sent < 0)
        goevd_http_abort(r);
    free(job->text);
    free(job);
}

static int
metrics_on_request(struct goevd_http_request *r, void *state)
{
    struct metrics *m = goevd_http_instance(r);
    enum goevd_http_method method = goevd_http_method(r);
    struct metrics_job *job;
    int result;

    (void)state;
    if (method != GOEVD_HTTP_GET && method != GOEVD_HTTP_HEAD)
        return goevd_http_refuse_method(r, "GET, HEAD");
    job = calloc(1, sizeof(*job));
    if (!job)
        return -ENOMEM;
    job->metrics = m;
    job->format = metrics_accepts_open(r) ? GOEVD_METRICS_OPENMETRICS : GOEVD_METRICS_TEXT;
    result = goevd_http_submit(m->self, r, 0, metrics_run, metrics_done, job);
    if (result == 0)
        return 0;
    free(job);
    return result == -EAGAIN ? metrics_busy(r) : result;
}

/* ---- The life of an instance ----------------------------------------------------------------- */

static int
metrics_create(struct goevd_self *self, const void *options, void **ret_instance)
{
    struct metrics *m = calloc(1, sizeof(*m));

    (void)options;
    if (!m)
        return -ENOMEM;
    m->self = self;
    *ret_instance = m;
    return 0;
}

static void
metrics_destroy(void *instance)
{
    free(instance);
}

static const void *
metrics_interface(const char *id)
{
    static const struct goevd_http_handler handler = {
        .version = GOEVD_HTTP_VERSION_OF(struct goevd_http_handler),
        .http = &goevd_http,
        .on_request = metrics_on_request,
    };

    return strcmp(id, GOEVD_HTTP) == 0 ? &handler : NULL;
}

GOEVD_PLUGIN(.name = "metrics", .description = "replies with metrics for Prometheus",
             .create = metrics_create, .destroy = metrics_destroy, .interface = metrics_interface);
