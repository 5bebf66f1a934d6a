/* Breaks a rule of goevd/plugin.h on command: a line is WHERE and WHAT.
 *
 *   WHERE  here (a callback of the connection), call (another of this poller), poller (a callback
 *          of the next poller), job (on the work pool), thread (one of its own)
 *   WHAT   of breaches[], in unruly_breach.c
 *
 * It does so in a child that it forks, in which that thread is the only one, and answers how the
 * child has ended. Three commands are of one word and break nothing yet: "keep" makes a timer that
 * is never freed, "bye" closes the connection, which is then used by "closed", and "die" does what
 * "here null" does, but not in a child. Built as an HTTP handler, it does that in a child for each
 * request, or, for POST, breaks a rule of goevd/http.h in a thread of its own. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <goevd/framing.h>
#include <goevd/http.h>
#include <goevd/logfile.h>
#include <goevd/metrics.h>
#include <goevd/poller.h>
#include <goevd/threads.h>
#include <goevd/work.h>

#include "unruly.h"

GOEVD_HTTP_TABLE;

#ifdef UNRULY_HTTP
#define NAME "unruly_http"
#else
#define NAME "unruly"
#endif

static struct goevd_self *unruly_destroyed;

/* ---- Where ----------------------------------------------------------------------------------- */

#define PATIENCE_MS 3000

/* How a child has ended: its signal, or 0. A lock that another thread held at the fork is held in
 * the child for ever, perhaps before the first line of ours: SIGALRM, where nothing is known. */
static int
command_await(pid_t pid)
{
    int status = 0;

    for (unsigned ms = 0; ms < PATIENCE_MS; ms++) {
        pid_t ended = waitpid(pid, &status, WNOHANG);

        if (ended == pid)
            return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
        if (ended < 0)
            abort();
        usleep(1000);
    }
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    return SIGALRM;
}

static int
command_run(struct command *k)
{
    const struct rlimit no_core = {0};
    pid_t pid = fork();

    if (pid == 0) {
        setrlimit(RLIMIT_CORE, &no_core);
        k->breach(k);
        _exit(0);
    }
    if (pid < 0)
        abort();
    return command_await(pid);
}

/* From any thread. */
static void
command_carry_out(struct command *k)
{
    char answer[32];
    int n = snprintf(answer, sizeof(answer), "signal %d\n", command_run(k));

    goevd_send(k->unruly->self, k->conn_id, answer, (size_t)n, 0);
}

static int
command_in_job(void *arg)
{
    command_carry_out(arg);
    return 0;
}

static void *
command_in_thread(void *arg)
{
    command_carry_out(arg);
    return NULL;
}

static void
command_free(struct command *k)
{
    goevd_timer_free(k->timer);
    goevd_watch_free(k->watch);
    close(k->fds[0]);
    close(k->fds[1]);
    free(k);
}

static void
command_done(struct goevd_conn *c, void *arg, int result)
{
    (void)c, (void)result;
    command_free(arg);
}

static void
command_back(struct goevd_poller *poller, void *local, void *arg)
{
    (void)poller, (void)local;
    command_free(arg);
}

static void
command_in_call(struct goevd_poller *poller, void *local, void *arg)
{
    struct command *k = arg;

    (void)poller, (void)local;
    command_carry_out(k);
    if (goevd_call(k->unruly->self, (unsigned)(k->conn_id >> 56), command_back, k) < 0)
        abort();
}

static int
command_go(struct command *k, const char *where)
{
    struct goevd_self *self = k->unruly->self;
    unsigned here = goevd_poller_index(k->poller);
    pthread_t thread;

    if (strcmp(where, "job") == 0)
        return goevd_submit(self, k->poller, 0, 0, command_in_job, command_done, k);
    if (strcmp(where, "call") == 0)
        return goevd_call(self, here, command_in_call, k);
    if (strcmp(where, "poller") == 0)
        return goevd_call(self, (here + 1) % goevd_poller_count(), command_in_call, k);
    if (strcmp(where, "thread") == 0) {
        if (pthread_create(&thread, NULL, command_in_thread, k) != 0)
            abort();
        pthread_join(thread, NULL);
    } else {
        command_carry_out(k);
    }
    command_free(k);
    return 0;
}

static void
unruly_timer_due(struct goevd_timer *timer, void *arg)
{
    (void)timer, (void)arg;
}

static void
unruly_watch_event(struct goevd_watch *watch, unsigned events, void *arg)
{
    (void)watch, (void)events, (void)arg;
}

static struct command *
command_new(struct goevd_conn *c, const char *what)
{
    struct command *k = calloc(1, sizeof(*k));

    if (!k || pipe(k->fds) < 0)
        abort();
    k->unruly = goevd_conn_instance(c);
    k->conn = c;
    k->conn_id = goevd_conn_id(c);
    k->poller = goevd_conn_poller(c);
    k->timer = goevd_timer_new(k->poller, unruly_timer_due, NULL);
    k->watch = goevd_watch_new(k->poller, k->fds[0], unruly_watch_event, NULL);
    k->breach = breach_find(what);
    if (!k->breach)
        abort();
    return k;
}

/* ---- The handlers ---------------------------------------------------------------------------- */

static int
unruly_frame(struct goevd_conn *c, void *state, const char *data, size_t len, unsigned flags)
{
    char line[64], where[16] = "", what[32] = "";

    (void)state, (void)flags;
    snprintf(line, sizeof(line), "%.*s", (int)len, data);
    if (strcmp(line, "bye") == 0) {
        goevd_conn_close(c, GOEVD_CLOSE_NOW);
        return 0;
    }
    if (strcmp(line, "die") == 0)
        goevd_conn_close(NULL, 0);
    if (strcmp(line, "keep") == 0 && goevd_timer_new(goevd_conn_poller(c), unruly_timer_due, NULL))
        return goevd_conn_write(c, "kept\n", 5);
    if (sscanf(line, "%15s %31s", where, what) != 2)
        return -EINVAL;
    return command_go(command_new(c, what), where);
}

static void
unruly_close(struct goevd_conn *c, void *state, enum goevd_reason reason)
{
    struct unruly *u = goevd_conn_instance(c);

    (void)state, (void)reason;
    u->closed = c;
}

static const struct goevd_framing unruly_lines = {
    .version = GOEVD_VERSION_OF(struct goevd_framing),
    .type = GOEVD_FRAMING_LINES,
};

static const struct goevd_stream unruly_stream __attribute__((unused)) = {
    .version = GOEVD_VERSION_OF(struct goevd_stream),
    .framing = &unruly_lines,
    .on_frame = unruly_frame,
    .on_close = unruly_close,
};

/* Statements follow the calls, because a tail call would hide the caller. */
static void
breach_address(struct command *k)
{
    struct sockaddr_storage address;

    k->result = (int)goevd_http_client_address(k->request, &address);
    k->result++;
}

static void
breach_reply(struct command *k)
{
    k->result = goevd_http_reply(k->request, 204, NULL, NULL, 0);
    k->result++;
}

static void
breach_path(struct command *k)
{
    k->result = (int)goevd_http_path(k->request).len;
    k->result++;
}

static void
breach_timer(struct command *k)
{
    k->result = goevd_http_timer(k->request, 0);
    k->result++;
}

/* The breach that a query names. */
static breach_fn
breach_asked(const struct goevd_http_request *r)
{
    switch (*goevd_http_query(r).data) {
    case 'r':
        return breach_reply;
    case 'p':
        return breach_path;
    case 't':
        return breach_timer;
    default:
        return breach_address;
    }
}

static void *
unruly_request_in_thread(void *arg)
{
    struct command *k = arg;

    k->result = command_run(k);
    return NULL;
}

static void
unruly_request_over(struct goevd_poller *poller, void *local, void *arg)
{
    struct command *k = arg;

    (void)poller, (void)local;
    k->breach(k);
}

/* Use it when it is over. */
static int
unruly_request_keep(struct goevd_http_request *r)
{
    static struct command k;
    const struct unruly *u = goevd_http_instance(r);

    k.breach = breach_asked(r);
    k.request = r;
    if (goevd_call(u->self, goevd_poller_index(goevd_http_poller(r)), unruly_request_over, &k) < 0)
        return -EAGAIN;
    return goevd_http_reply(r, 204, NULL, NULL, 0);
}

static int
unruly_request(struct goevd_http_request *r, void *state)
{
    struct command k = {.breach = breach_find("null"), .request = r};
    pthread_t thread;
    char answer[32];
    int n;

    (void)state;
    if (goevd_http_method(r) == GOEVD_HTTP_PUT)
        return unruly_request_keep(r);
    if (goevd_http_method(r) == GOEVD_HTTP_POST) {
        k.breach = breach_asked(r);
        if (pthread_create(&thread, NULL, unruly_request_in_thread, &k) != 0)
            return -EAGAIN;
        pthread_join(thread, NULL);
    } else {
        k.result = command_run(&k);
    }
    n = snprintf(answer, sizeof(answer), "signal %d\n", k.result);
    return goevd_http_reply(r, 200, "text/plain", answer, (size_t)n);
}

static const struct goevd_http_handler unruly_handler __attribute__((unused)) = {
    .version = GOEVD_HTTP_VERSION_OF(struct goevd_http_handler),
    .http = &goevd_http,
    .on_request = unruly_request,
};

/* ---- The instance ---------------------------------------------------------------------------- */

static const struct goevd_option unruly_table[] = {
    {.name = "inner",
     .type = GOEVD_OPTION_PLUGIN,
     .offset = offsetof(struct unruly_options, inner),
     .interface_id = GOEVD_STREAM,
     .help = "To upgrade to."},
    {.name = "lines",
     .type = GOEVD_OPTION_STRING,
     .flags = GOEVD_OPTION_PATH,
     .offset = offsetof(struct unruly_options, lines),
     .help = "A file."},
    {.name = "late",
     .type = GOEVD_OPTION_BOOL,
     .offset = offsetof(struct unruly_options, late),
     .help = "Use an instance that has been destroyed."},
    {0},
};

static const struct goevd_schema unruly_schema = GOEVD_SCHEMA(struct unruly_options, unruly_table);

static int
unruly_metrics(struct unruly *u)
{
    static const uint64_t bounds[] = {1, 10};
    static const struct goevd_metric counter = {.name = "goevd_unruly_counter_total",
                                                .help = "Things that are counted.",
                                                .type = GOEVD_METRIC_COUNTER};
    static const struct goevd_metric gauge = {
        .name = "goevd_unruly_gauge", .help = "Things that are there.", .type = GOEVD_METRIC_GAUGE};
    static const struct goevd_metric histogram = {.name = "goevd_unruly_histogram",
                                                  .help = "Things that were measured.",
                                                  .type = GOEVD_METRIC_HISTOGRAM,
                                                  .bounds = bounds,
                                                  .bound_count = 2};

    u->counter = goevd_metric_new(u->self, &counter, NULL);
    u->gauge = goevd_metric_new(u->self, &gauge, NULL);
    u->histogram = goevd_metric_new(u->self, &histogram, NULL);
    return u->counter < 0 || u->gauge < 0 || u->histogram < 0 ? -ENOMEM : 0;
}

static int
unruly_create(struct goevd_self *self, const void *options, void **ret_instance)
{
    struct unruly *u = calloc(1, sizeof(*u));
    int r;

    if (!u)
        return -ENOMEM;
    u->self = self;
    u->options = options;
    r = unruly_metrics(u);
    if (r == 0 && u->options->lines.data)
        r = goevd_logfile_new(self, "file", "lines", u->options->lines.data,
                              GOEVD_LOGFILE_BUFFER_MIN, &u->lines);
    if (r < 0)
        free(u);
    else
        *ret_instance = u;
    return r;
}

static void
unruly_destroy(void *instance)
{
    struct unruly *u = instance;

    if (u->options->late && unruly_destroyed)
        goevd_log(unruly_destroyed, GOEVD_LOG_NOTICE, "too late");
    unruly_destroyed = u->self;
    free(u);
}

static const void *
unruly_interface(const char *id)
{
#ifdef UNRULY_HTTP
    return strcmp(id, GOEVD_HTTP) == 0 ? &unruly_handler : NULL;
#else
    return strcmp(id, GOEVD_STREAM) == 0 ? &unruly_stream : NULL;
#endif
}

GOEVD_PLUGIN(.name = NAME, .description = "breaks rules", .options = &unruly_schema,
             .create = unruly_create, .destroy = unruly_destroy, .interface = unruly_interface);
