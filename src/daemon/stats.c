#include "daemon/stats.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "daemon/figures.h"

struct stats {
    struct reactor *const *reactors;
    size_t reactor_count;
    uint64_t *values[POLLERS_MAX]; /* of a poller by its index; NULL: there is none */
};

static void
stats_take_on(struct poller *p, void *arg)
{
    struct stats *s = arg;

    figures_take(p, s->values[p->index]);
}

static void
stats_fini(struct stats *s)
{
    for (size_t i = 0; i < POLLERS_MAX; i++)
        free(s->values[i]);
}

static int
stats_take(struct stats *s)
{
    for (size_t i = 0; i < s->reactor_count; i++) {
        struct reactor *r = s->reactors[i];

        for (unsigned n = 0; n < r->count; n++) {
            uint64_t **values = &s->values[r->pollers[n]->index];

            *values = calloc(figures_count(), sizeof(**values));
            if (!*values)
                return -ENOMEM;
        }
        reactor_call(r, stats_take_on, s);
    }
    return 0;
}

static uint64_t
stats_total(const struct stats *s, unsigned row)
{
    uint64_t total = 0;

    for (size_t i = 0; i < POLLERS_MAX; i++)
        total += s->values[i] ? s->values[i][row] : 0;
    return total;
}

static void
stats_print_lines(const struct stats *s, FILE *out)
{
    for (unsigned i = 0; i < figures_count(); i++) {
        const struct figure_row *row = figures_row(i);

        fprintf(out, "%-28s %15" PRIu64 " %s\n", row->name, stats_total(s, i), row->unit);
    }
}

static void
stats_print_pollers(const struct stats *s, FILE *out)
{
    const char *comma = "";

    for (size_t i = 0; i < s->reactor_count; i++) {
        const struct reactor *r = s->reactors[i];

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

/* In the order of the pollers above. */
static void
stats_print_shares(const struct stats *s, unsigned row, FILE *out)
{
    const char *comma = "";

    for (size_t i = 0; i < s->reactor_count; i++)
        for (unsigned n = 0; n < s->reactors[i]->count; n++) {
            fprintf(out, "%s%" PRIu64, comma, s->values[s->reactors[i]->pollers[n]->index][row]);
            comma = ", ";
        }
}

static void
stats_print_json(const struct stats *s, FILE *out)
{
    fprintf(out, "{\"pollers\": [");
    stats_print_pollers(s, out);
    fprintf(out, "\n ],\n \"figures\": {");
    for (unsigned i = 0; i < figures_count(); i++) {
        const struct figure_row *row = figures_row(i);

        fprintf(out,
                "%s\n  \"%s\": {\"type\": \"%s\", \"unit\": \"%s\", \"help\": \"%s\", "
                "\"total\": %" PRIu64 ", \"pollers\": [",
                i ? "," : "", row->name, row->type == FIGURE_GAUGE ? "gauge" : "counter", row->unit,
                row->help, stats_total(s, i));
        stats_print_shares(s, i, out);
        fprintf(out, "]}");
    }
    fprintf(out, "\n }}\n");
}

int
stats_text(struct reactor *const *reactors, size_t count, bool json, char **ret_text,
           size_t *ret_len)
{
    struct stats s = {.reactors = reactors, .reactor_count = count};
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
