#include "ctl/stats.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ctl/metrics.h"
#include "ctl/record.h"

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

/* ---- Records --------------------------------------------------------------------------------- */

static void
stats_write_pollers(const struct stats_source *source, FILE *out)
{
    for (size_t i = 0; i < source->reactor_count; i++) {
        const struct reactor *r = source->reactors[i];

        for (unsigned n = 0; n < r->count; n++) {
            record_begin(out, "poller");
            record_number(out, r->pollers[n]->index);
            record_text(out, r->name);
            if (r->pollers[n]->cpu < 0)
                record_text(out, NULL);
            else
                record_number(out, (uint64_t)r->pollers[n]->cpu);
            record_end(out);
        }
    }
}

/* In the order of the pollers above. */
static void
stats_write_shares(const struct stats *s, const struct stats_row *row, FILE *out)
{
    const struct stats_source *source = s->source;
    const char *between = "\t";

    for (size_t i = 0; i < source->reactor_count; i++)
        for (unsigned n = 0; n < source->reactors[i]->count; n++) {
            const struct poller *p = source->reactors[i]->pollers[n];
            const uint64_t *values = stats_values(s, p->index) + row->first;
            bool histogram = row->type == GOEVD_METRIC_HISTOGRAM;

            fprintf(out, "%s%" PRId64, between,
                    (int64_t)(histogram ? stats_observed(values) : *values));
            between = " ";
        }
}

static void
stats_write_cells(const struct stats *s, const struct stats_row *row, FILE *out)
{
    fputc('\t', out);
    for (unsigned i = 0; row->type == GOEVD_METRIC_HISTOGRAM && i < PLUG_METRIC_CELLS_MAX; i++)
        fprintf(out, "%s%" PRIu64, i ? " " : "", stats_total(s, row->first + i));
}

static void
stats_write_metric(const struct stats *s, const struct stats_row *row, FILE *out)
{
    static const char *const types[] = {[GOEVD_METRIC_COUNTER] = "counter",
                                        [GOEVD_METRIC_GAUGE] = "gauge",
                                        [GOEVD_METRIC_HISTOGRAM] = "histogram"};

    record_begin(out, "metric");
    record_text(out, row->name);
    record_text(out, types[row->type]);
    record_text(out, row->unit);
    record_text(out, row->help);
    record_text(out, row->instance);
    stats_write_shares(s, row, out);
    stats_write_cells(s, row, out);
    record_end(out);
}

/* ---- All of it ------------------------------------------------------------------------------- */

int
stats_text(const struct stats_source *source, char **ret_text, size_t *ret_len)
{
    struct stats s = {.source = source};
    char *text = NULL;
    size_t len = 0;
    int r = stats_take(&s);
    FILE *out = r == 0 ? open_memstream(&text, &len) : NULL;

    if (out) {
        stats_write_pollers(source, out);
        for (size_t i = 0; i < s.row_count; i++)
            stats_write_metric(&s, &s.rows[i], out);
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
