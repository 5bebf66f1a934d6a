#include "ctl/stats.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ctl/json.h"
#include "metrics/prometheus.h"

#define STATS_NAME_MAX (CATALOG_NAME_MAX + CATALOG_LABELS_MAX * (2 * CATALOG_VALUE_MAX + 64))

static bool
stats_wants(const struct stats_request *request, const struct view_family *f)
{
    return strncmp(f->about.name, request->prefix, strlen(request->prefix)) == 0;
}

static bool
stats_wants_any(const struct stats_request *request, const struct view *v)
{
    for (size_t i = 0; i < v->family_count; i++)
        if (stats_wants(request, v->families[i]))
            return true;
    return false;
}

/* ---- Lines ----------------------------------------------------------------------------------- */

/* Names stand in a column, whose width is only known when all have been printed once. */
struct stats_lines {
    FILE *out; /* NULL: this round finds the width */
    int width;
    unsigned hidden; /* series that are 0 */
};

static void
stats_print_value(struct stats_lines *lines, const struct view_series *s, const char *suffix,
                  const char *value)
{
    char name[STATS_NAME_MAX];
    FILE *text = fmemopen(name, sizeof(name), "w");

    if (!text)
        return;
    fprintf(text, "%s%s", s->family->about.name, suffix);
    prometheus_print_labels(text, s);
    fclose(text);
    if (lines->out)
        fprintf(lines->out, "%-*s %16s\n", lines->width, name, value);
    else
        lines->width = MAX(lines->width, (int)strlen(name));
}

static void
stats_format(char ret[32], const struct catalog_family *f, uint64_t value)
{
    FILE *text = fmemopen(ret, 32, "w");

    *ret = '\0';
    if (!text)
        return;
    prometheus_print_value(text, f, value);
    fclose(text);
}

/* The bound that so many thousandths of the values do not exceed; "+Inf" if there is none. */
static void
stats_format_quantile(char ret[32], const struct view_series *s, unsigned permille)
{
    const struct catalog_family *f = &s->family->about;
    uint64_t total = view_observed(s), rank = (total * permille + 999) / 1000, below = 0;

    for (unsigned b = 0; b < f->bound_count; b++) {
        below += s->cells[1 + b];
        if (below >= rank) {
            stats_format(ret, f, f->bounds[b]);
            return;
        }
    }
    snprintf(ret, 32, "+Inf");
}

static void
stats_print_histogram(struct stats_lines *lines, const struct view_series *s)
{
    static const struct {
        const char *suffix;
        unsigned permille;
    } quantiles[] = {{"_p50", 500}, {"_p90", 900}, {"_p99", 990}};
    char value[32];

    snprintf(value, sizeof(value), "%" PRIu64, view_observed(s));
    stats_print_value(lines, s, "_count", value);
    stats_format(value, &s->family->about, s->cells[0]);
    stats_print_value(lines, s, "_sum", value);
    for (size_t i = 0; view_observed(s) > 0 && i < ARRAY_LEN(quantiles); i++) {
        stats_format_quantile(value, s, quantiles[i].permille);
        stats_print_value(lines, s, quantiles[i].suffix, value);
    }
}

static void
stats_print_series(struct stats_lines *lines, const struct view_series *s, bool all)
{
    bool histogram = s->family->about.type == GOEVD_METRIC_HISTOGRAM;
    char value[32];

    if (!all && (histogram ? view_observed(s) : s->cells[0]) == 0) {
        lines->hidden++;
        return;
    }
    if (histogram) {
        stats_print_histogram(lines, s);
        return;
    }
    stats_format(value, &s->family->about, s->cells[0]);
    stats_print_value(lines, s, "", value);
}

static void
stats_print_all(struct stats_lines *lines, const struct view *v,
                const struct stats_request *request)
{
    for (size_t i = 0; i < v->family_count; i++)
        for (const struct view_series *s = v->families[i]->first; s; s = s->next)
            if (stats_wants(request, v->families[i]))
                stats_print_series(lines, s, request->all);
}

static void
stats_print_lines(FILE *out, const struct view *v, const struct stats_request *request)
{
    struct stats_lines lines = {0};

    stats_print_all(&lines, v, request);
    lines.out = out;
    lines.hidden = 0;
    stats_print_all(&lines, v, request);
    if (lines.hidden > 0)
        fprintf(out, "%u more are 0 (--all)\n", lines.hidden);
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static void
stats_print_json_labels(FILE *out, const struct view_series *s)
{
    const char *comma = "";

    fputs("\"labels\": {", out);
    for (unsigned i = 0; i < s->family->about.label_count; i++) {
        if (!*s->values[i])
            continue;
        fprintf(out, "%s\"%s\": ", comma, s->family->about.labels[i]);
        json_text(out, s->values[i]);
        comma = ", ";
    }
    fputs("}, ", out);
}

/* Counts of each bucket alone, with its greatest value; the last bucket has none. */
static void
stats_print_json_buckets(FILE *out, const struct view_series *s)
{
    const struct catalog_family *f = &s->family->about;

    fprintf(out, "\"count\": %" PRIu64 ", \"sum\": ", view_observed(s));
    prometheus_print_value(out, f, s->cells[0]);
    fputs(", \"buckets\": [", out);
    for (unsigned b = 0; b <= f->bound_count; b++) {
        fputs(b > 0 ? ", {" : "{", out);
        if (b < f->bound_count) {
            fputs("\"max\": ", out);
            prometheus_print_value(out, f, f->bounds[b]);
            fputs(", ", out);
        }
        fprintf(out, "\"count\": %" PRIu64 "}", s->cells[1 + b]);
    }
    fputc(']', out);
}

/* The share of each poller of the worker that replies. */
static void
stats_print_json_shares(FILE *out, const struct registry *own, const struct view_series *s)
{
    const struct view_family *f = view_find_family(&own->names, s->family->about.name);
    const struct view_series *mine = f ? view_find(&own->names, f, s->values) : NULL;

    fputs(", \"pollers\": [", out);
    for (unsigned b = 0; mine && b < mine->blocks; b++) {
        if (b > 0)
            fputs(", ", out);
        prometheus_print_value(out, &f->about, registry_share(own, mine, b));
    }
    fputc(']', out);
}

static void
stats_print_json_family(FILE *out, const struct registry *own, const struct view_family *f)
{
    static const char *const types[] = {[GOEVD_METRIC_COUNTER] = "counter",
                                        [GOEVD_METRIC_GAUGE] = "gauge",
                                        [GOEVD_METRIC_HISTOGRAM] = "histogram"};

    fprintf(out, "\n  {\"name\": \"%s\", \"type\": \"%s\", \"help\": ", f->about.name,
            types[f->about.type]);
    json_text(out, f->about.help);
    fputs(", \"series\": [", out);
    for (const struct view_series *s = f->first; s; s = s->next) {
        fputs(s == f->first ? "\n   {" : ",\n   {", out);
        stats_print_json_labels(out, s);
        if (f->about.type == GOEVD_METRIC_HISTOGRAM) {
            stats_print_json_buckets(out, s);
        } else {
            fputs("\"value\": ", out);
            prometheus_print_value(out, &f->about, s->cells[0]);
            stats_print_json_shares(out, own, s);
        }
        fputc('}', out);
    }
    fputs("]}", out);
}

static void
stats_print_json_pollers(FILE *out, const struct stats_request *request)
{
    const char *comma = "";

    for (size_t i = 0; i < request->reactor_count; i++) {
        const struct reactor *r = request->reactors[i];

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
stats_print_json(FILE *out, const struct view *v, const struct registry *own,
                 const struct stats_request *request)
{
    const char *comma = "";

    fputs("{\"pollers\": [", out);
    stats_print_json_pollers(out, request);
    fputs("\n ],\n \"metrics\": [", out);
    for (size_t i = 0; i < v->family_count; i++) {
        if (!stats_wants(request, v->families[i]))
            continue;
        fputs(comma, out);
        stats_print_json_family(out, own, v->families[i]);
        comma = ",";
    }
    fputs("\n]}\n", out);
}

/* ---- All of it ------------------------------------------------------------------------------- */

int
stats_text(struct reader *reader, const struct stats_request *request, char **ret_text,
           size_t *ret_len)
{
    struct view v;
    char *text = NULL;
    size_t len = 0;
    int r = reader_take(reader, &v);
    FILE *out;

    if (r < 0)
        return r;
    if (!stats_wants_any(request, &v)) {
        view_fini(&v);
        return -ENOENT;
    }
    out = open_memstream(&text, &len);
    if (out && request->json)
        stats_print_json(out, &v, reader->own, request);
    else if (out)
        stats_print_lines(out, &v, request);
    view_fini(&v);
    if (!out || fclose(out) != 0) {
        free(text);
        return -ENOMEM;
    }
    *ret_text = text;
    *ret_len = len;
    return 0;
}
