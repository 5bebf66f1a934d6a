/* Present problems in words, the worst first. */
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ctl/overview_parts.h"
#include "ctl/record.h"

#define FULL_PERCENT 90   /* of connections_max */
#define FAILING_PERCENT 1 /* of requests */
#define RECENT_S 3600     /* for which a crash stays a problem */
#define PROBLEM_MAX 1024
#define EVENT_MAX 4096
#define UPSTREAMS_MAX 20 /* that are named */

struct overview_problems {
    FILE *out;
    const char *severity; /* only those are written */
};

/* A line whose text is escaped. */
static void
overview_put(const struct overview_problems *p, const char *severity, const char *text)
{
    if (strcmp(severity, p->severity) == 0)
        fprintf(p->out, "problem\t%s\t%s\n", severity, text);
}

static void overview_problem(const struct overview_problems *p, const char *severity,
                             const char *format, ...) PRINTF(3, 4);

static void
overview_problem(const struct overview_problems *p, const char *severity, const char *format, ...)
{
    char text[PROBLEM_MAX];
    va_list args;

    if (strcmp(severity, p->severity) != 0)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    record_begin(p->out, "problem");
    record_text(p->out, severity);
    record_text(p->out, text);
    record_end(p->out);
}

/* ---- Facts from the supervisor --------------------------------------------------------------- */

/* "3 min", "2 h" */
static const char *
overview_ago(time_t then, char buf[32])
{
    double s = MAX(difftime(time(NULL), then), 0);

    if (s < 120)
        snprintf(buf, 32, "%.0f s", s);
    else if (s < 7200)
        snprintf(buf, 32, "%.0f min", s / 60);
    else if (s < 172800)
        snprintf(buf, 32, "%.0f h", s / 3600);
    else
        snprintf(buf, 32, "%.0f days", s / 86400);
    return buf;
}

/* The text is escaped already. */
static void
overview_event(char **fields, const struct overview_problems *p)
{
    time_t then = (time_t)strtoll(fields[2], NULL, 10);
    char ago[32], text[EVENT_MAX];

    if (!then)
        return;
    overview_ago(then, ago);
    if (strcmp(fields[1], "last_reload") == 0 && *fields[3] == '0')
        snprintf(text, sizeof(text), "last reload failed %s ago: %s", ago, fields[4]);
    else if (strcmp(fields[1], "last_crash") == 0 && time(NULL) - then < RECENT_S)
        snprintf(text, sizeof(text), "%s ago: %s", ago, fields[4]);
    else
        return;
    overview_put(p, strcmp(fields[1], "last_crash") == 0 ? "warning" : "error", text);
}

static void
overview_state(const char *state, const struct overview_problems *p)
{
    if (strcmp(state, "stuck") == 0)
        overview_problem(p, "error", "the worker that serves does not answer");
    else if (strcmp(state, "restarting") == 0)
        overview_problem(p, "error", "no worker serves; another is being started");
    else if (strcmp(state, "stopping") == 0)
        overview_problem(p, "warning", "goevd stops");
}

static void
overview_facts(const char *facts, const struct overview_problems *p)
{
    char *copy = strdup(facts), *at = copy, *line, *fields[RECORD_FIELDS_MAX];

    while (copy && (line = record_next(&at))) {
        record_split(line, fields);
        if (strcmp(fields[1], "state") == 0)
            overview_state(fields[2], p);
        else if (strcmp(fields[0], "event") == 0)
            overview_event(fields, p);
    }
    free(copy);
}

/* ---- Problems that counts show --------------------------------------------------------------- */

static void
overview_full(const struct overview_listener *l, const struct overview_problems *p)
{
    uint64_t percent = l->max ? l->open * 100 / l->max : 0;

    if (percent >= FULL_PERCENT)
        overview_problem(p, percent >= 100 ? "error" : "warning",
                         "listener %s: %" PRIu64 "%% of connections_max (%" PRIu64 " of %" PRIu64
                         ")",
                         l->name, percent, l->open, l->max);
}

static void
overview_failing(const struct overview_span *span, const struct overview_problems *p)
{
    double all = overview_rate(span, HISTORY_REQUESTS_FAMILY, NULL);
    double failed = overview_rate(span, HISTORY_REQUESTS_FAMILY, HISTORY_FAILED);

    if (failed > 0 && failed * 100 >= all * FAILING_PERCENT)
        overview_problem(p, failed * 10 >= all ? "error" : "warning",
                         "%.1f%% of requests fail with a status of 500 or above (%.1f a second)",
                         failed * 100 / all, failed);
}

/* Connections to an upstream fail, and none is made. */
static void
overview_upstreams_down(const struct overview_span *span, const struct overview_problems *p)
{
    enum { CONNECTED = 1, FAILED = 2 };
    struct overview_rows rows;
    unsigned down = 0;

    if (overview_collect(&overview_upstreams, span, &rows) < 0)
        return;
    for (size_t i = 0; i < rows.count; i++) {
        const struct overview_row *row = &rows.all[i];

        if (!(row->values[FAILED] > 0) || row->values[CONNECTED] > 0)
            continue;
        if (++down <= UPSTREAMS_MAX)
            overview_problem(p, "error",
                             "upstream %s of listener %s is down: %.1f connections a second fail, "
                             "and none succeeds",
                             row->keys[1], row->keys[0], row->values[FAILED]);
    }
    if (down > UPSTREAMS_MAX)
        overview_problem(p, "error", "%u more upstreams are down", down - UPSTREAMS_MAX);
    free(rows.all);
}

/* Things that should not happen at all. */
static void
overview_losses(const struct overview_span *span, const struct overview_problems *p)
{
    static const struct {
        const char *family, *match, *words;
    } losses[] = {
        {"goevd_connections_refused_total", "limit",
         "connections are refused because a listener has connections_max"},
        {"goevd_connections_refused_total", "client",
         "connections are refused because a client has connections_per_client_max"},
        {"goevd_connections_refused_total", "fds",
         "accepting pauses because too many files are open (open_files_max)"},
        {"goevd_connections_refused_total", "memory",
         "connections are refused because there is no memory"},
        {"goevd_connections_closed_total", "slow",
         "connections are closed because their clients read too slowly (output_rate)"},
        {"goevd_work_jobs_refused_total", NULL, "jobs of the work pool are refused (work_pool)"},
        {"goevd_log_lines_dropped_total", NULL, "lines of the log are lost"},
        {"goevd_log_file_lines_dropped_total", NULL, "lines of an access log are lost"},
        {"goevd_websocket_messages_dropped_total", NULL, "messages of rooms are dropped"},
    };

    for (size_t i = 0; i < ARRAY_LEN(losses); i++) {
        double rate = overview_rate(span, losses[i].family, losses[i].match);

        if (rate > 0)
            overview_problem(p, "warning", "%s: %.1f a second", losses[i].words, rate);
    }
}

static void
overview_write_severity(const struct overview_request *request, const struct overview_span *span,
                        const struct overview_problems *p)
{
    overview_facts(request->facts, p);
    for (size_t i = 0; i < request->listener_count; i++)
        overview_full(&request->listeners[i], p);
    overview_failing(span, p);
    overview_upstreams_down(span, p);
    overview_losses(span, p);
}

void
overview_write_problems(const struct overview_request *request, const struct overview_span *span,
                        FILE *out)
{
    overview_write_severity(request, span, &(struct overview_problems){out, "error"});
    overview_write_severity(request, span, &(struct overview_problems){out, "warning"});
}
