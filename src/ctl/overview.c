#include "ctl/overview.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "ctl/overview_parts.h"
#include "ctl/record.h"

#define POINTS 120 /* of a plot */
#define POINT_NS (HISTORY_NS / POINTS)

/* ---- Numbers --------------------------------------------------------------------------------- */

static double
overview_seconds(uint64_t ns)
{
    return ns ? (double)ns / NS_PER_S : NAN;
}

/* The rates between two points. */
static void
overview_write_numbers(const struct history_point *from, const struct history_point *to,
                       uint64_t p50_ns, uint64_t p99_ns, FILE *out)
{
    double seconds = (double)(to->at_ns - from->at_ns) / NS_PER_S;

    for (unsigned i = 0; i < HISTORY_TOTALS; i++) {
        uint64_t grown = to->totals[i] > from->totals[i] ? to->totals[i] - from->totals[i] : 0;

        record_decimal(out, seconds > 0 ? (double)grown / seconds : NAN, 3);
    }
    record_number(out, to->open);
    record_decimal(out, overview_seconds(p50_ns), 6);
    record_decimal(out, overview_seconds(p99_ns), 6);
    record_end(out);
}

static void
overview_write_total(const struct overview_span *span, uint64_t open, FILE *out)
{
    static const struct {
        const char *family, *match;
    } rates[] = {{HISTORY_REQUESTS_FAMILY, NULL},
                 {HISTORY_REQUESTS_FAMILY, HISTORY_FAILED},
                 {"goevd_connections_accepted_total", NULL},
                 {"goevd_received_bytes_total", NULL},
                 {"goevd_sent_bytes_total", NULL}};

    record_begin(out, "total");
    for (size_t i = 0; i < ARRAY_LEN(rates); i++)
        record_decimal(out, overview_rate(span, rates[i].family, rates[i].match), 3);
    record_number(out, open);
    record_decimal(out, overview_quantile(span, HISTORY_DURATION_FAMILY, 500), 6);
    record_decimal(out, overview_quantile(span, HISTORY_DURATION_FAMILY, 990), 6);
    record_end(out);
}

/* One point of a plot for each POINT_NS, and the last one as it is. */
static void
overview_write_points(const struct history *h, uint64_t now_ns, FILE *out)
{
    const struct history_point *from = history_point(h, 0), *p;
    uint64_t p50 = 0, p99 = 0;

    for (uint64_t n = 1; (p = history_point(h, n)); n++) {
        p50 = MAX(p50, p->p50_ns);
        p99 = MAX(p99, p->p99_ns);
        if (p->at_ns - from->at_ns < POINT_NS && history_point(h, n + 1))
            continue;
        record_begin(out, "point");
        record_decimal(out, (double)(now_ns - MIN(p->at_ns, now_ns)) / NS_PER_S, 1);
        overview_write_numbers(from, p, p50, p99, out);
        from = p;
        p50 = p99 = 0;
    }
}

/* ---- Facts ----------------------------------------------------------------------------------- */

/* Whether a key of the facts may be shown on a page. */
static bool
overview_shows(const char *key)
{
    static const char *const shown[] = {"state", "since", "reloads", "restarts", "cut", "version"};

    for (size_t i = 0; i < ARRAY_LEN(shown); i++)
        if (strcmp(key, shown[i]) == 0)
            return true;
    return false;
}

/* Texts are escaped already. */
static void
overview_write_fact(char **fields, FILE *out)
{
    if (strcmp(fields[0], "event") == 0)
        fprintf(out, "event\t%s\t%s\t%s\t%s\n", fields[1], fields[2], fields[3], fields[4]);
    else if (overview_shows(fields[1]))
        fprintf(out, "fact\t%s\t%s\n", fields[1], fields[2]);
}

static void
overview_write_worker(char **fields, FILE *out)
{
    double age = difftime(time(NULL), (time_t)strtoll(fields[3], NULL, 10));

    fprintf(out, "row\t%s\t%s\t%.0f\t%s\t%s\n", fields[1], fields[2], MAX(age, 0), fields[4],
            fields[5]);
}

static int
overview_write_facts(const char *facts, bool workers, FILE *out)
{
    char *copy = strdup(facts), *at = copy, *line, *fields[RECORD_FIELDS_MAX];

    if (!copy)
        return -ENOMEM;
    while ((line = record_next(&at))) {
        record_split(line, fields);
        if (strcmp(fields[0], "worker") != 0 && !workers)
            overview_write_fact(fields, out);
        else if (strcmp(fields[0], "worker") == 0 && workers)
            overview_write_worker(fields, out);
    }
    free(copy);
    return 0;
}

/* ---- Tables ---------------------------------------------------------------------------------- */

static void
overview_begin_table(const char *name, const char *title, FILE *out)
{
    fprintf(out, "table\t%s\t%s\n", name, title);
}

static int
overview_write_table(const struct overview_table *t, const struct overview_span *span, FILE *out)
{
    struct overview_rows rows;
    int r = overview_collect(t, span, &rows);

    overview_begin_table(t->name, t->title, out);
    for (unsigned k = 0; k < 2 && t->keys[k]; k++)
        fprintf(out, "column\t%s\ttext\n", t->keys[k]);
    overview_write_columns(t, out);
    for (size_t i = 0; i < rows.count; i++) {
        record_begin(out, "row");
        for (unsigned k = 0; k < 2 && t->keys[k]; k++)
            record_text(out, rows.all[i].keys[k]);
        overview_write_cells(t, &rows.all[i], out);
        record_end(out);
    }
    free(rows.all);
    return r;
}

static int
overview_write_listeners(const struct overview_request *request, const struct overview_span *span,
                         FILE *out)
{
    const struct overview_table *t = &overview_listeners;
    struct overview_rows rows;
    int r = overview_collect(t, span, &rows);

    overview_begin_table(t->name, t->title, out);
    fputs("column\tlistener\ttext\ncolumn\taddress\ttext\ncolumn\thandler\ttext\n"
          "column\topen\tcount\ncolumn\tmax\tcount\n",
          out);
    overview_write_columns(t, out);
    for (size_t i = 0; i < request->listener_count; i++) {
        const struct overview_listener *l = &request->listeners[i];

        record_begin(out, "row");
        record_text(out, l->name);
        record_text(out, l->address);
        record_text(out, l->plugin);
        record_number(out, l->open);
        record_number(out, l->max);
        overview_write_cells(t, overview_find(&rows, l->name), out);
        record_end(out);
    }
    free(rows.all);
    return r;
}

static int
overview_write_workers(const char *facts, FILE *out)
{
    overview_begin_table("workers", "Workers", out);
    fputs("column\tpid\ttext\ncolumn\tstate\ttext\ncolumn\tage\tseconds\n"
          "column\tconnections\tcount\ncolumn\tversion\ttext\n",
          out);
    return overview_write_facts(facts, true, out);
}

static int
overview_write_all(const struct overview_request *request, const struct overview_span *span,
                   FILE *out)
{
    static const struct overview_table *const tables[] = {&overview_routes, &overview_upstreams,
                                                          &overview_rooms};
    int r = overview_write_facts(request->facts, false, out);

    overview_write_problems(request, span, out);
    overview_write_points(request->history, clock_now_ns(), out);
    if (r == 0)
        r = overview_write_listeners(request, span, out);
    for (size_t i = 0; r == 0 && i < ARRAY_LEN(tables); i++)
        r = overview_write_table(tables[i], span, out);
    if (r == 0)
        r = overview_write_workers(request->facts, out);
    return r == 0 ? overview_write_table(&overview_pools, span, out) : r;
}

int
overview_write(const struct overview_request *request, FILE *out)
{
    struct history *h = request->history;
    struct overview_span span;
    int r = 0;

    pthread_mutex_lock(&h->lock);
    span.seconds = history_views(h, &span.before, &span.now);
    record_begin(out, "now");
    record_number(out, (uint64_t)time(NULL));
    record_decimal(out, span.seconds, 3);
    record_end(out);
    overview_write_total(&span, request->open, out);
    if (!request->brief)
        r = overview_write_all(request, &span, out);
    pthread_mutex_unlock(&h->lock);
    return r;
}
