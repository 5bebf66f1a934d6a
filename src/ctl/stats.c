#include "ctl/stats.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ctl/metrics.h"

/* One metric: whose values lie, from `first` on, among those of each poller. */
struct stats_row {
    const char *name;
    const char *unit;
    const char *help;
    const char *instance; /* its path in the configuration; NULL: goevd's own */
    enum goevd_metric_type type;
    size_t first;
};

struct stats {
    const struct stats_source *source;
    struct stats_row *rows;
    size_t row_count;
    size_t value_count; /* of each poller */
    size_t poller_count;
    uint64_t *values; /* of the pollers, by their index */
};

static uint64_t *
stats_values(const struct stats *s, size_t poller)
{
    return s->values + poller * s->value_count;
}

/* ---- Taking them ----------------------------------------------------------------------------- */

static int
stats_list(struct stats *s)
{
    const struct plug_metrics *plugged = &s->source->plugins->metrics;

    s->rows = calloc(metrics_count() + plugged->count, sizeof(*s->rows));
    if (!s->rows)
        return -ENOMEM;
    for (unsigned i = 0; i < metrics_count(); i++) {
        const struct metric_row *f = metrics_row(i);

        s->rows[s->row_count++] =
            (struct stats_row){f->name, f->unit, f->help, NULL, f->type, s->value_count++};
    }
    for (const struct plug_metric *f = plugged->first; f; f = f->next) {
        s->rows[s->row_count++] = (struct stats_row){
            f->name, f->unit, f->help, f->instance->owner.path, f->type, s->value_count};
        s->value_count += plug_metric_values(f);
    }
    return 0;
}

static void
stats_take_on(struct poller *p, void *arg)
{
    struct stats *s = arg;
    uint64_t *to = stats_values(s, p->index);

    assert(p->index < s->poller_count);
    metrics_take(p, to);
    to += metrics_count();
    for (const struct plug_metric *f = s->source->plugins->metrics.first; f; f = f->next)
        to = plug_metric_take(f, p, to);
}

static void
stats_fini(struct stats *s)
{
    free(s->values);
    free(s->rows);
}

static int
stats_take(struct stats *s)
{
    const struct stats_source *source = s->source;

    if (stats_list(s) < 0)
        return -ENOMEM;
    for (size_t i = 0; i < source->reactor_count; i++)
        s->poller_count += source->reactors[i]->count;
    assert(s->poller_count > 0 && s->value_count > 0);
    s->values = calloc(s->poller_count * s->value_count, sizeof(*s->values));
    if (!s->values)
        return -ENOMEM;
    for (size_t i = 0; i < source->reactor_count; i++)
        reactor_call(source->reactors[i], stats_take_on, s);
    return 0;
}

static uint64_t
stats_total(const struct stats *s, size_t value)
{
    uint64_t total = 0;

    for (size_t i = 0; i < s->poller_count; i++)
        total += stats_values(s, i)[value];
    return total;
}

/* How many values a histogram has seen, by one poller's values. */
static uint64_t
stats_observed(const uint64_t *values)
{
    uint64_t count = 0;

    for (unsigned b = 0; b < PLUG_METRIC_BUCKETS; b++)
        count += values[1 + b];
    return count;
}

/* The cells of a histogram, of all pollers. */
static void
stats_merge(const struct stats *s, const struct stats_row *row, uint64_t *ret)
{
    for (unsigned i = 0; i < PLUG_METRIC_CELLS_MAX; i++)
        ret[i] = stats_total(s, row->first + i);
}

/* ---- Lines ----------------------------------------------------------------------------------- */

static const struct stats_quantile {
    const char *suffix;
    unsigned permille;
} stats_quantiles[] = {{".p50", 500}, {".p90", 900}, {".p99", 990}, {".p100", 1000}};

#define SUFFIX_MAX 6 /* bytes of ".count" */

static int
stats_width(const struct stats *s)
{
    size_t width = 28;

    for (size_t i = 0; i < s->row_count; i++) {
        bool histogram = s->rows[i].type == GOEVD_METRIC_HISTOGRAM;

        width = MAX(width, strlen(s->rows[i].name) + (histogram ? SUFFIX_MAX : 0));
    }
    return (int)width;
}

static void
stats_print_line(const char *name, const char *suffix, int width, uint64_t value, const char *unit,
                 FILE *out)
{
    int padding = width - (int)strlen(name);

    fprintf(out, "%s%-*s %15" PRIu64 " %s\n", name, padding, suffix, value, unit);
}

static void
stats_print_histogram(const struct stats *s, const struct stats_row *row, int width, FILE *out)
{
    uint64_t cells[PLUG_METRIC_CELLS_MAX];

    stats_merge(s, row, cells);
    stats_print_line(row->name, ".count", width, stats_observed(cells), "values", out);
    stats_print_line(row->name, ".sum", width, cells[0], row->unit, out);
    for (size_t q = 0; q < ARRAY_LEN(stats_quantiles); q++) {
        unsigned bucket = plug_metric_quantile(cells + 1, stats_quantiles[q].permille);

        stats_print_line(row->name, stats_quantiles[q].suffix, width,
                         plug_metric_bucket_max(bucket), row->unit, out);
    }
}

static void
stats_print_lines(const struct stats *s, FILE *out)
{
    int width = stats_width(s);

    for (size_t i = 0; i < s->row_count; i++) {
        const struct stats_row *row = &s->rows[i];
        uint64_t total = stats_total(s, row->first);

        if (row->type == GOEVD_METRIC_HISTOGRAM)
            stats_print_histogram(s, row, width, out);
        else if (row->type == GOEVD_METRIC_GAUGE)
            fprintf(out, "%-*s %15" PRId64 " %s\n", width, row->name, (int64_t)total, row->unit);
        else
            stats_print_line(row->name, "", width, total, row->unit, out);
    }
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static void
stats_print_pollers(const struct stats_source *source, FILE *out)
{
    const char *comma = "";

    for (size_t i = 0; i < source->reactor_count; i++) {
        const struct reactor *r = source->reactors[i];

        for (unsigned n = 0; n < r->count; n++) {
            fprintf(out, "%s\n  {\"index\": %u, \"reactor\": \"%s\", \"cpu\": ", comma,
                    r->pollers[n]->index, r->name);
            if (r->pollers[n]->cpu < 0)
                fprintf(out, "null}");
            else
                fprintf(out, "%d}", r->pollers[n]->cpu);
            comma = ",";
        }
    }
}

static void
stats_print_number(enum goevd_metric_type type, uint64_t value, FILE *out)
{
    if (type == GOEVD_METRIC_GAUGE)
        fprintf(out, "%" PRId64, (int64_t)value);
    else
        fprintf(out, "%" PRIu64, value);
}

/* In the order of the pollers above. */
static void
stats_print_shares(const struct stats *s, const struct stats_row *row, FILE *out)
{
    const struct stats_source *source = s->source;
    const char *comma = "";

    for (size_t i = 0; i < source->reactor_count; i++)
        for (unsigned n = 0; n < source->reactors[i]->count; n++) {
            const struct poller *p = source->reactors[i]->pollers[n];
            const uint64_t *values = stats_values(s, p->index) + row->first;
            bool histogram = row->type == GOEVD_METRIC_HISTOGRAM;

            fputs(comma, out);
            stats_print_number(row->type, histogram ? stats_observed(values) : *values, out);
            comma = ", ";
        }
}

/* The buckets that hold something, each with the greatest value that it may hold. */
static void
stats_print_buckets(const uint64_t *cells, FILE *out)
{
    const char *comma = "";

    fprintf(out, "\"sum\": %" PRIu64 ", \"buckets\": [", cells[0]);
    for (unsigned b = 0; b < PLUG_METRIC_BUCKETS; b++) {
        if (cells[1 + b] == 0)
            continue;
        fprintf(out, "%s{\"max\": %" PRIu64 ", \"count\": %" PRIu64 "}", comma,
                plug_metric_bucket_max(b), cells[1 + b]);
        comma = ", ";
    }
    fprintf(out, "], ");
}

static void
stats_print_metric(const struct stats *s, const struct stats_row *row, FILE *out)
{
    static const char *const types[] = {[GOEVD_METRIC_COUNTER] = "counter",
                                        [GOEVD_METRIC_GAUGE] = "gauge",
                                        [GOEVD_METRIC_HISTOGRAM] = "histogram"};
    uint64_t cells[PLUG_METRIC_CELLS_MAX];

    fprintf(out, "\n  \"%s\": {\"type\": \"%s\", \"unit\": \"%s\", \"help\": \"%s\", ", row->name,
            types[row->type], row->unit, row->help);
    if (row->instance)
        fprintf(out, "\"instance\": \"%s\", ", row->instance);
    if (row->type == GOEVD_METRIC_HISTOGRAM) {
        stats_merge(s, row, cells);
        stats_print_buckets(cells, out);
    }
    fprintf(out, "\"total\": ");
    stats_print_number(row->type,
                       row->type == GOEVD_METRIC_HISTOGRAM ? stats_observed(cells)
                                                           : stats_total(s, row->first),
                       out);
    fprintf(out, ", \"pollers\": [");
    stats_print_shares(s, row, out);
    fprintf(out, "]}");
}

static void
stats_print_json(const struct stats *s, FILE *out)
{
    fprintf(out, "{\"pollers\": [");
    stats_print_pollers(s->source, out);
    fprintf(out, "\n ],\n \"metrics\": {");
    for (size_t i = 0; i < s->row_count; i++) {
        if (i > 0)
            fputc(',', out);
        stats_print_metric(s, &s->rows[i], out);
    }
    fprintf(out, "\n }}\n");
}

/* ---- All of it ------------------------------------------------------------------------------- */

int
stats_text(const struct stats_source *source, bool json, char **ret_text, size_t *ret_len)
{
    struct stats s = {.source = source};
    char *text = NULL;
    size_t len = 0;
    int r = stats_take(&s);
    FILE *out = r == 0 ? open_memstream(&text, &len) : NULL;

    if (out) {
        if (json)
            stats_print_json(&s, out);
        else
            stats_print_lines(&s, out);
    }
    if (!out || fclose(out) != 0)
        r = -ENOMEM;
    stats_fini(&s);
    if (r < 0) {
        free(text);
        return r;
    }
    *ret_text = text;
    *ret_len = len;
    return 0;
}
