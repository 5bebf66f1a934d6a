#include "metrics/prometheus.h"

#include <inttypes.h>
#include <string.h>

#include "base/util.h"

/* ---- Words ----------------------------------------------------------------------------------- */

static const char *const prometheus_types[] = {[GOEVD_METRIC_COUNTER] = "counter",
                                               [GOEVD_METRIC_GAUGE] = "gauge",
                                               [GOEVD_METRIC_HISTOGRAM] = "histogram"};

void
prometheus_print_value(FILE *out, const struct catalog_family *f, uint64_t value)
{
    if (f->unit == GOEVD_METRIC_NANOSECONDS) {
        bool negative = f->type == GOEVD_METRIC_GAUGE && (int64_t)value < 0;
        uint64_t ns = negative ? -value : value;

        fprintf(out, "%s%" PRIu64 ".%09" PRIu64, negative ? "-" : "", ns / NS_PER_S, ns % NS_PER_S);
    } else if (f->type == GOEVD_METRIC_GAUGE) {
        fprintf(out, "%" PRId64, (int64_t)value);
    } else {
        fprintf(out, "%" PRIu64, value);
    }
}

/* As `le` shows it: OpenMetrics wants numbers in one form, so 0.5 and 1.0, not 0.500. */
static void
prometheus_print_bound(FILE *out, const struct catalog_family *f, uint64_t bound)
{
    char text[32];
    int len;

    if (f->unit != GOEVD_METRIC_NANOSECONDS) {
        fprintf(out, "%" PRIu64 ".0", bound);
        return;
    }
    len =
        snprintf(text, sizeof(text), "%" PRIu64 ".%09" PRIu64, bound / NS_PER_S, bound % NS_PER_S);
    while (text[len - 1] == '0' && text[len - 2] != '.')
        len--;
    fprintf(out, "%.*s", len, text);
}

static void
prometheus_print_escaped(FILE *out, const char *value)
{
    for (; *value; value++) {
        if (*value == '"' || *value == '\\')
            fputc('\\', out);
        fputc(*value, out);
    }
}

/* Of a bucket, with its bound: NULL means none, and infinity where it is above all. */
static void
prometheus_print_labels_of(FILE *out, const struct view_series *s, const unsigned *bucket)
{
    const struct catalog_family *f = &s->family->about;
    const char *separator = "{";

    for (unsigned i = 0; i < f->label_count; i++) {
        if (!*s->values[i])
            continue; /* an empty label is no label */
        fprintf(out, "%s%s=\"", separator, f->labels[i]);
        prometheus_print_escaped(out, s->values[i]);
        fputc('"', out);
        separator = ",";
    }
    if (bucket) {
        fprintf(out, "%sle=\"", separator);
        if (*bucket < f->bound_count)
            prometheus_print_bound(out, f, f->bounds[*bucket]);
        else
            fputs("+Inf", out);
        fputc('"', out);
        separator = ",";
    }
    if (*separator == ',')
        fputc('}', out);
}

void
prometheus_print_labels(FILE *out, const struct view_series *s)
{
    prometheus_print_labels_of(out, s, NULL);
}

/* ---- Lines ----------------------------------------------------------------------------------- */

static void
prometheus_print_histogram(FILE *out, const struct view_series *s)
{
    const struct catalog_family *f = &s->family->about;
    uint64_t count = 0;

    for (unsigned b = 0; b <= f->bound_count; b++) {
        count += s->cells[1 + b];
        fprintf(out, "%s_bucket", f->name);
        prometheus_print_labels_of(out, s, &b);
        fprintf(out, " %" PRIu64 "\n", count);
    }
    fprintf(out, "%s_sum", f->name);
    prometheus_print_labels(out, s);
    fputc(' ', out);
    prometheus_print_value(out, f, s->cells[0]);
    fprintf(out, "\n%s_count", f->name);
    prometheus_print_labels(out, s);
    fprintf(out, " %" PRIu64 "\n", count);
}

static void
prometheus_print_series(FILE *out, const struct view_series *s)
{
    const struct catalog_family *f = &s->family->about;

    if (f->type == GOEVD_METRIC_HISTOGRAM) {
        prometheus_print_histogram(out, s);
        return;
    }
    fputs(f->name, out);
    prometheus_print_labels(out, s);
    fputc(' ', out);
    prometheus_print_value(out, f, s->cells[0]);
    fputc('\n', out);
}

/* OpenMetrics names a family of counters without _total, and wants its unit. */
static void
prometheus_print_family(FILE *out, const struct catalog_family *f, enum prometheus_format format)
{
    static const char *const units[] = {
        [GOEVD_METRIC_BYTES] = "bytes", [GOEVD_METRIC_NANOSECONDS] = "seconds"};
    bool open = format == PROMETHEUS_OPENMETRICS;
    int len = (int)strlen(f->name);

    if (open && f->type == GOEVD_METRIC_COUNTER)
        len -= (int)strlen("_total");
    fprintf(out, "# HELP %.*s ", len, f->name);
    for (const char *c = f->help; *c; c++)
        fprintf(out, open && *c == '"' ? "\\%c" : "%c", *c);
    fprintf(out, "\n# TYPE %.*s %s\n", len, f->name, prometheus_types[f->type]);
    if (open && f->unit != GOEVD_METRIC_NUMBER)
        fprintf(out, "# UNIT %.*s %s\n", len, f->name, units[f->unit]);
}

void
prometheus_print(FILE *out, const struct view *v, enum prometheus_format format)
{
    for (size_t i = 0; i < v->family_count; i++) {
        prometheus_print_family(out, &v->families[i]->about, format);
        for (const struct view_series *s = v->families[i]->first; s; s = s->next)
            prometheus_print_series(out, s);
    }
    if (format == PROMETHEUS_OPENMETRICS)
        fputs("# EOF\n", out);
}
