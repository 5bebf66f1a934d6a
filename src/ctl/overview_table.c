/* The tables of an overview: which metrics stand in which column, and their rows. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/overview_parts.h"
#include "ctl/record.h"

#define REQUESTS HISTORY_REQUESTS_FAMILY
#define DURATION HISTORY_DURATION_FAMILY
#define ROUTE_DURATION "goevd_http_route_duration_seconds"
#define PER_SECOND(title_, ...)                                                                    \
    {                                                                                              \
        .title = (title_), .kind = OVERVIEW_RATE, .family = __VA_ARGS__                            \
    }
#define NUMBER(title_, ...)                                                                        \
    {                                                                                              \
        .title = (title_), .kind = OVERVIEW_COUNT, .family = __VA_ARGS__                           \
    }
#define QUANTILE(title_, family_, permille_)                                                       \
    {                                                                                              \
        .title = (title_), .kind = OVERVIEW_SECONDS, .family = (family_), .permille = (permille_)  \
    }
#define HTTP_COLUMNS(duration)                                                                     \
    PER_SECOND("requests/s", REQUESTS), PER_SECOND("5xx/s", REQUESTS, .match = HISTORY_FAILED),    \
        QUANTILE("p50", duration, 500), QUANTILE("p99", duration, 990)

const struct overview_table overview_listeners = {.name = "listeners",
                                                  .title = "Listeners",
                                                  .keys = {"listener"},
                                                  .columns = {HTTP_COLUMNS(DURATION)}};
const struct overview_table overview_routes = {
    .name = "routes",
    .title = "Routes",
    .keys = {"listener", "route"},
    .columns = {HTTP_COLUMNS(ROUTE_DURATION), NUMBER("requests", REQUESTS)}};
const struct overview_table overview_upstreams = {
    .name = "upstreams",
    .title = "Upstreams",
    .keys = {"listener", "upstream"},
    .columns = {NUMBER("clients", "goevd_relay_upstream_clients_open"),
                PER_SECOND("connected/s", "goevd_relay_upstream_clients_connected_total"),
                PER_SECOND("failed/s", "goevd_relay_upstream_connects_failed_total"),
                NUMBER("failed", "goevd_relay_upstream_connects_failed_total")}};
const struct overview_table overview_rooms = {
    .name = "rooms",
    .title = "WebSocket",
    .keys = {"listener", "handler"},
    .columns = {NUMBER("connections", "goevd_websocket_connections_open"),
                PER_SECOND("messages/s", "goevd_websocket_messages_received_total"),
                NUMBER("members", "goevd_websocket_room_members"),
                PER_SECOND("published/s", "goevd_websocket_messages_published_total"),
                PER_SECOND("dropped/s", "goevd_websocket_messages_dropped_total")}};
const struct overview_table overview_pools = {
    .name = "jobs",
    .title = "Work pool",
    .keys = {"kind"},
    .columns = {NUMBER("pending", "goevd_work_jobs_pending"),
                PER_SECOND("refused/s", "goevd_work_jobs_refused_total"),
                NUMBER("refused", "goevd_work_jobs_refused_total")}};

/* ---- Cells ----------------------------------------------------------------------------------- */

/* A series that counts in a cell. */
struct overview_part {
    const char *keys[2];
    unsigned column;
    const struct view_series *series;
    const struct view_family *before;
};

struct overview_parts {
    struct overview_part *all;
    size_t count;
};

static int
overview_label(const struct catalog_family *f, const char *name)
{
    for (unsigned i = 0; i < f->label_count; i++)
        if (strcmp(f->labels[i], name) == 0)
            return (int)i;
    return -1;
}

static bool
overview_matches(const struct view_series *s, const char *match)
{
    if (!match)
        return true;
    for (unsigned i = 0; i < s->family->about.label_count; i++)
        if (strcmp(s->values[i], match) == 0)
            return true;
    return false;
}

/* Without the label of a key a series belongs to no row. */
static int
overview_add_parts(struct overview_parts *parts, const struct overview_table *t, unsigned column,
                   const struct overview_span *span)
{
    const struct overview_column *c = &t->columns[column];
    const struct view_family *f = view_find_family(span->now, c->family);
    const struct view_family *before = view_find_family(span->before, c->family);
    int first = f ? overview_label(&f->about, t->keys[0]) : -1;
    int second = f && t->keys[1] ? overview_label(&f->about, t->keys[1]) : -1;
    struct overview_part *all;

    if (first < 0 || (t->keys[1] && second < 0))
        return 0;
    all = reallocarray(parts->all, parts->count + f->count, sizeof(*all));
    if (!all)
        return -ENOMEM;
    parts->all = all;
    for (const struct view_series *s = f->first; s; s = s->next)
        if (overview_matches(s, c->match))
            all[parts->count++] = (struct overview_part){
                .keys = {s->values[first], second < 0 ? "" : s->values[second]},
                .column = column,
                .series = s,
                .before = before};
    return 0;
}

static int
overview_compare_keys(const char *const a[2], const char *const b[2])
{
    int order = strcmp(a[0], b[0]);

    return order ? order : strcmp(a[1], b[1]);
}

static int
overview_compare_parts(const void *a, const void *b)
{
    const struct overview_part *p = a, *q = b;
    int order = overview_compare_keys(p->keys, q->keys);

    return order ? order : (int)p->column - (int)q->column;
}

/* All parts of one cell. */
static double
overview_cell(const struct overview_column *c, const struct overview_part *parts, size_t count,
              const struct overview_span *span)
{
    uint64_t cells[CATALOG_BOUNDS_MAX + 2], sum[CATALOG_BOUNDS_MAX + 2] = {0};
    const struct catalog_family *f = &parts->series->family->about;
    uint64_t quantile, total = 0;

    for (size_t i = 0; i < count; i++) {
        total += parts[i].series->cells[0];
        if (c->kind == OVERVIEW_COUNT)
            continue;
        history_growth(span->before, parts[i].before, parts[i].series, cells);
        for (unsigned n = 0; n < catalog_cells(f); n++)
            sum[n] += cells[n];
    }
    if (c->kind == OVERVIEW_COUNT)
        return f->type == GOEVD_METRIC_GAUGE ? (double)(int64_t)total : (double)total;
    if (c->kind == OVERVIEW_RATE)
        return span->seconds > 0 ? (double)sum[0] / span->seconds : NAN;
    quantile = f->type == GOEVD_METRIC_HISTOGRAM ? history_quantile(f, sum, c->permille) : 0;
    return quantile ? (double)quantile / NS_PER_S : NAN;
}

/* ---- Rows ------------------------------------------------------------------------------------ */

static struct overview_row *
overview_add_row(struct overview_rows *rows, const struct overview_part *part)
{
    struct overview_row *last = rows->count ? &rows->all[rows->count - 1] : NULL;

    if (last && overview_compare_keys(last->keys, part->keys) == 0)
        return last;
    last = &rows->all[rows->count++];
    last->keys[0] = part->keys[0];
    last->keys[1] = part->keys[1];
    for (unsigned i = 0; i < OVERVIEW_COLUMNS_MAX; i++)
        last->values[i] = NAN;
    return last;
}

int
overview_collect(const struct overview_table *t, const struct overview_span *span,
                 struct overview_rows *ret)
{
    struct overview_parts parts = {0};
    int r = 0;

    *ret = (struct overview_rows){0};
    for (unsigned c = 0; r == 0 && t->columns[c].title; c++)
        r = overview_add_parts(&parts, t, c, span);
    if (r == 0 && parts.count > 0) {
        qsort(parts.all, parts.count, sizeof(*parts.all), overview_compare_parts);
        ret->all = calloc(parts.count, sizeof(*ret->all));
        r = ret->all ? 0 : -ENOMEM;
    }
    for (size_t i = 0, n; r == 0 && i < parts.count; i += n) {
        struct overview_row *row = overview_add_row(ret, &parts.all[i]);
        unsigned c = parts.all[i].column;

        n = 1;
        while (i + n < parts.count && overview_compare_parts(&parts.all[i], &parts.all[i + n]) == 0)
            n++;
        row->values[c] = overview_cell(&t->columns[c], &parts.all[i], n, span);
    }
    free(parts.all);
    return r;
}

const struct overview_row *
overview_find(const struct overview_rows *rows, const char *key)
{
    for (size_t i = 0; i < rows->count; i++)
        if (strcmp(rows->all[i].keys[0], key) == 0)
            return &rows->all[i];
    return NULL;
}

/* Add up the growth of the cells of all matching series. Returns the family, or NULL. */
static const struct catalog_family *
overview_growth(const struct overview_span *span, const char *family, const char *match,
                uint64_t ret_sum[CATALOG_BOUNDS_MAX + 2])
{
    const struct view_family *f = view_find_family(span->now, family);
    const struct view_family *before = view_find_family(span->before, family);
    uint64_t cells[CATALOG_BOUNDS_MAX + 2];

    memset(ret_sum, 0, (CATALOG_BOUNDS_MAX + 2) * sizeof(*ret_sum));
    for (const struct view_series *s = f ? f->first : NULL; s; s = s->next) {
        if (!overview_matches(s, match))
            continue;
        history_growth(span->before, before, s, cells);
        for (unsigned i = 0; i < catalog_cells(&f->about); i++)
            ret_sum[i] += cells[i];
    }
    return f ? &f->about : NULL;
}

double
overview_rate(const struct overview_span *span, const char *family, const char *match)
{
    uint64_t sum[CATALOG_BOUNDS_MAX + 2];

    if (!overview_growth(span, family, match, sum) || span->seconds <= 0)
        return NAN;
    return (double)sum[0] / span->seconds;
}

double
overview_quantile(const struct overview_span *span, const char *family, unsigned permille)
{
    uint64_t sum[CATALOG_BOUNDS_MAX + 2], ns = 0;
    const struct catalog_family *f = overview_growth(span, family, NULL, sum);

    if (f && f->type == GOEVD_METRIC_HISTOGRAM)
        ns = history_quantile(f, sum, permille);
    return ns ? (double)ns / NS_PER_S : NAN;
}

/* ---- Records --------------------------------------------------------------------------------- */

static void
overview_write_column(const char *title, enum overview_kind kind, FILE *out)
{
    static const char *const kinds[] = {[OVERVIEW_TEXT] = "text",
                                        [OVERVIEW_COUNT] = "count",
                                        [OVERVIEW_RATE] = "rate",
                                        [OVERVIEW_SECONDS] = "seconds"};

    record_begin(out, "column");
    record_text(out, title);
    record_text(out, kinds[kind]);
    record_end(out);
}

void
overview_write_columns(const struct overview_table *t, FILE *out)
{
    for (const struct overview_column *c = t->columns; c->title; c++)
        overview_write_column(c->title, c->kind, out);
}

void
overview_write_cells(const struct overview_table *t, const struct overview_row *row, FILE *out)
{
    for (unsigned c = 0; t->columns[c].title; c++)
        record_decimal(out, row ? row->values[c] : NAN,
                       t->columns[c].kind == OVERVIEW_COUNT  ? 0
                       : t->columns[c].kind == OVERVIEW_RATE ? 2
                                                             : 6);
}
