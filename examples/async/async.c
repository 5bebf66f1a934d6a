#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <goevd/framing.h>
#include <goevd/metrics.h>
#include <goevd/threads.h>
#include <goevd/work.h>

#include "async.h"

enum async_metric { JOBS, DONE, REFUSED, ABANDONED, WAIT, RUN, METRICS };

struct instance {
    struct goevd_self *self;
    const struct options *options;
    int root; /* fd; -1: none */
    int metrics[METRICS];
};

/* A client, which sends lines. */
struct client {
    unsigned jobs;    /* that have not ended */
    struct job *owed; /* was refused, and its answer waits for those before it */
    bool held;        /* reading pauses until a job has ended */
    bool ended;       /* he is not read any more, and is closed after his jobs */
};

/* One line on its way. */
struct job {
    struct instance *instance;
    struct goevd_poller *poller;
    struct client *client; /* for as long as he is there: `done` knows */
    uint64_t conn_id;
    uint64_t submitted_ns, began_ns, ended_ns;
    bool answered; /* by the job itself, */
    bool lost;     /* ... but there was no room for it */
    struct answer answer;
    char line[];
};

static struct job *
job_new(struct goevd_conn *c, struct client *client, const char *line, size_t len)
{
    struct job *job = malloc(sizeof(*job) + len + 1);

    if (!job)
        return NULL;
    *job = (struct job){.instance = goevd_conn_instance(c),
                        .poller = goevd_conn_poller(c),
                        .client = client,
                        .conn_id = goevd_conn_id(c),
                        .submitted_ns = goevd_now()};
    memcpy(job->line, line, len);
    job->line[len] = '\0';
    return job;
}

/* ---- Clients --------------------------------------------------------------------------------- */

static bool
client_is_full(const struct client *client, const struct options *o)
{
    return client->owed || client->jobs >= (unsigned)o->jobs_max;
}

/* Send the replies that may be sent now, and go on or end. */
static int
client_settle(struct goevd_conn *c, struct client *client)
{
    const struct options *o = ((struct instance *)goevd_conn_instance(c))->options;
    int r = 0;

    if (client->owed && (client->jobs == 0 || o->order == ORDER_COMPLETION)) {
        r = goevd_conn_write(c, client->owed->answer.text, client->owed->answer.len);
        free(client->owed);
        client->owed = NULL;
    }
    if (client->ended && client->jobs == 0)
        goevd_conn_close(c, GOEVD_CLOSE_FLUSH);
    else if (client->held && !client->ended && !client_is_full(client, o)) {
        client->held = false;
        goevd_conn_resume(c);
    }
    return r;
}

static int
client_owe(struct goevd_conn *c, struct client *client, struct job *job)
{
    client->owed = job;
    return client_settle(c, client);
}

/* The client gets the error, after the replies to its earlier lines, and is closed. */
static int
client_end(struct goevd_conn *c, struct client *client, const char *line, size_t len,
           const char *sentence)
{
    struct job *job = job_new(c, client, line, len);

    if (!job)
        return -ENOMEM;
    answer_set(&job->answer, job->line, "error %s", sentence);
    client->ended = true;
    return client_owe(c, client, job);
}

/* ---- Jobs ------------------------------------------------------------------------------------ */

/* On the work pool: nothing of the client may be touched here. */
static int
job_run(void *arg)
{
    struct job *job = arg;
    const struct instance *i = job->instance;

    job->began_ns = goevd_now();
    command_run(i->options, i->root, job->line, &job->answer);
    job->ended_ns = goevd_now();
    /* A mailbox that is full leaves the answer to job_done(), which always comes. */
    if (i->options->order == ORDER_COMPLETION)
        job->answered = goevd_send_frame(i->self, job->conn_id, job->answer.text,
                                         job->answer.len - 1, (uintptr_t)job) == 0;
    return 0;
}

static void
job_count(const struct job *job, enum async_metric which, int64_t delta)
{
    const struct instance *i = job->instance;

    goevd_metric_add(i->self, job->poller, i->metrics[which], delta);
}

static void
job_observe(const struct job *job, enum async_metric which, uint64_t ns)
{
    const struct instance *i = job->instance;

    goevd_metric_observe(i->self, job->poller, i->metrics[which], ns, 1);
}

/* Back on the poller of the connection, which may have closed. */
static void
job_done(struct goevd_conn *c, void *arg, int result)
{
    struct job *job = arg;
    int r = 0;

    job_count(job, JOBS, -1);
    if (result == 0) {
        job_count(job, DONE, 1);
        job_count(job, ABANDONED, !c);
        job_observe(job, WAIT, job->began_ns - job->submitted_ns);
        job_observe(job, RUN, job->ended_ns - job->began_ns);
    }
    if (c) {
        if (!job->answered)
            r = goevd_conn_write(c, job->answer.text, job->answer.len);
        job->client->jobs--;
        if (job->lost || r < 0 || client_settle(c, job->client) < 0)
            goevd_conn_close(c, GOEVD_CLOSE_NOW); /* he does not read his answers */
    }
    free(job);
}

/* A job that cannot be queued is answered as its line arrives, before job_done() that the same
 * thread has sent after it. All other events may arrive long after the end of the job. */
static void
job_sent(void *instance, uint64_t conn_id, uint64_t cookie, int result)
{
    (void)instance, (void)conn_id;
    if (result < 0 && result != -EPIPE)
        ((struct job *)(uintptr_t)cookie)->lost = true;
}

/* ---- Lines ----------------------------------------------------------------------------------- */

static int
async_submit(struct goevd_conn *c, struct client *client, const char *line, size_t len)
{
    struct job *job = job_new(c, client, line, len);
    struct instance *i = goevd_conn_instance(c);
    bool ordered = i->options->order == ORDER_REQUEST;
    int r = job ? goevd_submit(i->self, job->poller, job->conn_id,
                               ordered ? GOEVD_SUBMIT_ORDERED : 0, job_run, job_done, job)
                : -ENOMEM;

    if (r == 0) {
        client->jobs++;
        job_count(job, JOBS, 1);
    } else if (r == -EAGAIN) {
        job_count(job, REFUSED, 1);
        answer_set(&job->answer, job->line, "error too many jobs wait");
        r = client_owe(c, client, job);
    } else {
        free(job);
    }
    return r;
}

static int
async_line(struct goevd_conn *c, void *state, const char *line, size_t len, unsigned flags)
{
    const struct instance *i = goevd_conn_instance(c);
    struct client *client = state;
    int r = async_submit(c, client, line, len);

    (void)flags;
    if (client_is_full(client, i->options)) {
        client->held = true;
        goevd_conn_pause(c);
    }
    return r;
}

static int
async_line_error(struct goevd_conn *c, void *state, const char *line, size_t len, int error)
{
    return client_end(c, state, line, len,
                      error == -ENODATA ? "the last line has no end" : "the line is too long");
}

static const struct goevd_framing async_lines = {
    .version = GOEVD_VERSION_OF(struct goevd_framing),
    .type = GOEVD_FRAMING_LINES,
};

/* Lines of the client are answered before it is closed. */
static int
async_end(struct goevd_conn *c, void *state)
{
    struct client *client = state;

    goevd_conn_pause(c);
    client->ended = true;
    return client_settle(c, client);
}

/* Jobs that run go on; their `done` gets no connection. */
static void
async_close(struct goevd_conn *c, void *state, enum goevd_reason reason)
{
    struct client *client = state;

    (void)c, (void)reason;
    free(client->owed);
}

static const struct goevd_stream async_stream = {
    .version = GOEVD_VERSION_OF(struct goevd_stream),
    .conn_size = sizeof(struct client),
    .on_eof = async_end,
    .on_stop = async_end,
    .on_close = async_close,
    .on_sent = job_sent,
    .framing = &async_lines,
    .on_frame = async_line,
    .on_frame_error = async_line_error,
};

/* ---- The plugin ------------------------------------------------------------------------------ */

/* 0.1 ms to 10 s. */
static const uint64_t bounds_ns[] = {100000,    1000000,    10000000,
                                     100000000, 1000000000, UINT64_C(10000000000)};

#define COUNTED(name_, help_, type_)                                                               \
    {                                                                                              \
        .name = "goevd_async_" name_, .help = (help_), .type = GOEVD_METRIC_##type_                \
    }
#define TIMED(name_, help_)                                                                        \
    {                                                                                              \
        .name = "goevd_async_" name_ "_seconds", .help = (help_), .type = GOEVD_METRIC_HISTOGRAM,  \
        .unit = GOEVD_METRIC_NANOSECONDS, .bounds = bounds_ns,                                     \
        .bound_count = sizeof(bounds_ns) / sizeof(bounds_ns[0])                                    \
    }

static const struct goevd_metric metric_rows[METRICS] = {
    [JOBS] = COUNTED("jobs", "Jobs that were given to the work pool and have not ended.", GAUGE),
    [DONE] = COUNTED("jobs_done_total", "Jobs that ended.", COUNTER),
    [REFUSED] =
        COUNTED("lines_refused_total", "Lines refused because too many jobs waited.", COUNTER),
    [ABANDONED] =
        COUNTED("jobs_abandoned_total", "Jobs that ended when their clients had gone.", COUNTER),
    [WAIT] = TIMED("wait", "Time until jobs began."),
    [RUN] = TIMED("run", "Time from there until they ended."),
};

static int
async_metrics(struct instance *i)
{
    int r = 0;

    for (int n = 0; n < METRICS && r >= 0; n++)
        i->metrics[n] = r = goevd_metric_new(i->self, &metric_rows[n], NULL);
    return r < 0 ? r : 0;
}

static void
async_destroy(void *instance)
{
    struct instance *i = instance;

    if (i->root >= 0)
        close(i->root);
    free(i);
}

static int
async_create(struct goevd_self *self, const void *options, void **ret_instance)
{
    struct instance *i = calloc(1, sizeof(*i));
    int r;

    if (!i)
        return -ENOMEM;
    i->self = self;
    i->options = options;
    i->root = -1;
    r = async_metrics(i);
    if (r == 0 && i->options->root.data) {
        i->root = open(i->options->root.data, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (i->root < 0)
            r = goevd_refuse(self, "root", "%s", strerror(errno));
    }
    if (r < 0) {
        async_destroy(i);
        return r;
    }
    *ret_instance = i;
    return 0;
}

static const void *
async_interface(const char *id)
{
    return strcmp(id, GOEVD_STREAM) == 0 ? &async_stream : NULL;
}

GOEVD_PLUGIN(.name = "async", .description = "runs a job for each line on the work pool",
             .options = &async_options, .create = async_create, .destroy = async_destroy,
             .interface = async_interface);
