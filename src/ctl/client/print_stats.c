#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "ctl/client/print.h"
#include "plug/plug_metric.h"

#define CELLS_MAX (1 + PLUG_METRIC_BUCKETS) /* the sum, and the buckets */

/* metric NAME TYPE UNIT HELP INSTANCE SHARES CELLS; see ctl/stats.h */
struct print_metric {
    char *name, *type, *unit, *help, *instance;
    char *shares[STATUS_WORKERS_MAX]; /* of the pollers of each worker */
    unsigned share_count;
    int64_t total;             /* of a histogram: how many values it has */
    uint64_t cells[CELLS_MAX]; /* of a histogram: the sum, and what is in each bucket */
};

/* poller INDEX REACTOR CPU */
struct print_poller {
    const char *worker;
    char *index, *reactor, *cpu;
};

struct print_stats {
    struct print_poller *pollers;
    unsigned poller_count;
    struct print_metric *metrics;
    size_t count;
    size_t room;
};

/* ---- Adding up ------------------------------------------------------------------------------- */

static struct print_metric *
print_metric_find(struct print_stats *s, char **fields, size_t near)
{
    for (size_t i = 0; i < s->count; i++) {
        struct print_metric *m = &s->metrics[(near + i) % s->count];

        if (strcmp(m->name, fields[1]) == 0)
            return m;
    }
    return NULL;
}

static struct print_metric *
print_metric_new(struct print_stats *s, char **fields)
{
    struct print_metric *m;

    if (s->count == s->room) {
        s->room = MAX(s->room * 2, 128);
        m = realloc(s->metrics, s->room * sizeof(*m));
        if (!m)
            return NULL;
        s->metrics = m;
    }
    m = &s->metrics[s->count++];
    *m = (struct print_metric){.name = fields[1],
                               .type = fields[2],
                               .unit = fields[3],
                               .help = fields[4],
                               .instance = fields[5]};
    return m;
}

static bool
print_metric_is_histogram(const struct print_metric *m)
{
    return strcmp(m->type, "histogram") == 0;
}

static void
print_metric_add(struct print_metric *m, char *shares, const char *cells)
{
    char *end;

    m->shares[m->share_count++] = shares;
    for (const char *at = shares; *at; at = end + (*end == ' '))
        m->total += (int64_t)strtoull(at, &end, 10);
    for (unsigned i = 0; *cells && i < CELLS_MAX; i++) {
        m->cells[i] += strtoull(cells, &end, 10);
        cells = end + (*end == ' ');
    }
}

static int
print_poller_add(struct print_stats *s, const char *worker, char **fields)
{
    struct print_poller *p = realloc(s->pollers, (s->poller_count + 1) * sizeof(*p));

    if (!p)
        return -ENOMEM;
    s->pollers = p;
    p[s->poller_count++] = (struct print_poller){worker, fields[1], fields[2], fields[3]};
    return 0;
}

/* Workers have the same metrics as a rule, in the same order: each is looked for near its place. */
static int
print_metric_take(struct print_stats *s, char **fields, size_t near)
{
    struct print_metric *m = print_metric_find(s, fields, near);

    if (!m)
        m = print_metric_new(s, fields);
    if (!m)
        return -ENOMEM;
    print_metric_add(m, fields[6], fields[7]);
    return 0;
}

static int
print_stats_take(struct print_stats *s, const struct print_reply *reply, const char *prefix)
{
    char *fields[RECORD_FIELDS_MAX], *at = reply->text, *line;
    size_t near = 0;
    int r = 0;

    while (r == 0 && (line = record_next(&at))) {
        record_split(line, fields);
        if (strcmp(fields[0], "poller") == 0)
            r = print_poller_add(s, reply->worker, fields);
        else if (strncmp(fields[1], prefix, strlen(prefix)) == 0)
            r = print_metric_take(s, fields, near++);
    }
    return r;
}

/* ---- Lines ----------------------------------------------------------------------------------- */

static const struct {
    const char *suffix;
    unsigned permille;
} print_quantiles[] = {{".p50", 500}, {".p90", 900}, {".p99", 990}, {".p100", 1000}};

#define SUFFIX_MAX 6 /* bytes of ".count" */

static void
print_stats_line(const struct print_metric *m, const char *suffix, int width, int64_t value,
                 const char *unit)
{
    int padding = width - (int)strlen(m->name);

    printf("%s%-*s %15" PRId64 " %s\n", m->name, padding, suffix, value, unit);
}

static void
print_stats_histogram(const struct print_metric *m, int width)
{
    print_stats_line(m, ".count", width, m->total, "values");
    print_stats_line(m, ".sum", width, (int64_t)m->cells[0], m->unit);
    for (size_t q = 0; q < ARRAY_LEN(print_quantiles); q++) {
        unsigned bucket = plug_metric_quantile(m->cells + 1, print_quantiles[q].permille);

        print_stats_line(m, print_quantiles[q].suffix, width,
                         (int64_t)plug_metric_bucket_max(bucket), m->unit);
    }
}

static void
print_stats_lines(const struct print_stats *s, bool all)
{
    size_t width = 28, hidden = 0;

    for (size_t i = 0; i < s->count; i++)
        width = MAX(width, strlen(s->metrics[i].name) + SUFFIX_MAX);
    for (size_t i = 0; i < s->count; i++) {
        const struct print_metric *m = &s->metrics[i];

        if (m->total == 0 && !all)
            hidden++;
        else if (print_metric_is_histogram(m))
            print_stats_histogram(m, (int)width);
        else
            print_stats_line(m, "", (int)width, m->total, m->unit);
    }
    if (hidden > 0)
        printf("%zu more %s 0 (--all)\n", hidden, hidden == 1 ? "is" : "are");
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static void
print_stats_pollers(const struct print_stats *s)
{
    for (unsigned i = 0; i < s->poller_count; i++) {
        const struct print_poller *p = &s->pollers[i];

        printf("%s\n  {\"worker\": %s, \"index\": %s, \"reactor\": \"%s\", \"cpu\": %s}",
               i ? "," : "", p->worker, p->index, p->reactor, *p->cpu ? p->cpu : "null");
    }
}

/* The buckets that hold something, each with the greatest value that it may hold. */
static void
print_stats_buckets(const struct print_metric *m)
{
    const char *comma = "";

    printf("\"sum\": %" PRIu64 ", \"buckets\": [", m->cells[0]);
    for (unsigned b = 0; b < PLUG_METRIC_BUCKETS; b++) {
        if (m->cells[1 + b] == 0)
            continue;
        printf("%s{\"max\": %" PRIu64 ", \"count\": %" PRIu64 "}", comma, plug_metric_bucket_max(b),
               m->cells[1 + b]);
        comma = ", ";
    }
    printf("], ");
}

/* In the order of the pollers above. */
static void
print_stats_shares(const struct print_metric *m)
{
    for (unsigned i = 0; i < m->share_count; i++) {
        fputs(i ? ", " : "", stdout);
        for (const char *c = m->shares[i]; *c; c++)
            fputs(*c == ' ' ? ", " : (char[]){*c, '\0'}, stdout);
    }
}

static void
print_stats_json_metric(const struct print_metric *m)
{
    printf("\n  \"%s\": {\"type\": \"%s\", \"unit\": \"%s\", \"help\": \"%s\", ", m->name, m->type,
           m->unit, m->help);
    if (*m->instance)
        printf("\"instance\": \"%s\", ", m->instance);
    if (print_metric_is_histogram(m))
        print_stats_buckets(m);
    printf("\"total\": %" PRId64 ", \"pollers\": [", m->total);
    print_stats_shares(m);
    printf("]}");
}

static void
print_stats_json(const struct print_stats *s)
{
    printf("{\"pollers\": [");
    print_stats_pollers(s);
    printf("\n ],\n \"metrics\": {");
    for (size_t i = 0; i < s->count; i++) {
        fputs(i ? "," : "", stdout);
        print_stats_json_metric(&s->metrics[i]);
    }
    printf("\n }}\n");
}

/* ---- All of it ------------------------------------------------------------------------------- */

int
print_stats(const struct print_reply *replies, unsigned count, const char *prefix, bool all,
            bool json)
{
    struct print_stats s = {0};
    int r = 0;

    for (unsigned i = 0; i < count && r == 0; i++)
        r = print_stats_take(&s, &replies[i], prefix);
    if (r == 0 && s.count == 0) {
        fprintf(stderr, "goevd: no metric begins with '%s'\n", prefix);
        r = -ENOENT;
    } else if (r == 0 && json) {
        print_stats_json(&s);
    } else if (r == 0) {
        print_stats_lines(&s, all);
    }
    free(s.pollers);
    free(s.metrics);
    return r;
}
