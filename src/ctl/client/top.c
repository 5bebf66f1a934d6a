#include "ctl/client/top.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/client/fetch.h"
#include "process/exit.h"

#define TOP_INTERVAL_S 1
#define TOP_WIDTH 160 /* of texts that no terminal shows */

/* ---- Reading --------------------------------------------------------------------------------- */

static enum top_kind
top_kind(const char *name)
{
    static const char *const names[] = {
        [TOP_COUNT] = "count", [TOP_RATE] = "rate", [TOP_SECONDS] = "seconds"};

    for (enum top_kind kind = TOP_COUNT; kind <= TOP_SECONDS; kind++)
        if (strcmp(name, names[kind]) == 0)
            return kind;
    return TOP_TEXT;
}

static int
top_add_row(struct top_table *t, char **cells)
{
    if (t->count == t->room) {
        size_t room = MAX(2 * t->room, (size_t)16);
        struct top_row *rows = reallocarray(t->rows, room, sizeof(*rows));

        if (!rows)
            return -ENOMEM;
        t->rows = rows;
        t->room = room;
    }
    memcpy(t->rows[t->count++].cells, cells, sizeof(t->rows->cells));
    return 0;
}

/* A table without rows gives its place to the next one. */
static void
top_begin_table(struct top *t, char **fields)
{
    struct top_table *table = t->table_count ? &t->tables[t->table_count - 1] : NULL;

    if ((!table || table->count > 0) && t->table_count < TOP_TABLES_MAX)
        table = &t->tables[t->table_count++];
    free(table->rows);
    *table = (struct top_table){.name = fields[1], .title = fields[2]};
}

static int
top_read_table(struct top *t, char **fields)
{
    struct top_table *table = t->table_count ? &t->tables[t->table_count - 1] : NULL;

    if (strcmp(fields[0], "table") == 0) {
        top_begin_table(t, fields);
    } else if (table && strcmp(fields[0], "column") == 0 && table->columns < TOP_COLUMNS_MAX) {
        table->titles[table->columns] = fields[1];
        table->kinds[table->columns++] = top_kind(fields[2]);
    } else if (table && strcmp(fields[0], "row") == 0) {
        return top_add_row(table, fields + 1);
    }
    return 0;
}

static void
top_read_fact(struct top *t, const char *key, const char *value)
{
    if (strcmp(key, "state") == 0)
        t->state = value;
    else if (strcmp(key, "version") == 0)
        t->version = value;
    else if (strcmp(key, "since") == 0)
        t->since = strtod(value, NULL);
}

static int
top_read_line(struct top *t, char **fields)
{
    if (strcmp(fields[0], "now") == 0) {
        t->now = strtod(fields[1], NULL);
        t->seconds = strtod(fields[2], NULL);
    } else if (strcmp(fields[0], "total") == 0) {
        rates_read(fields + 1, &t->rates);
    } else if (strcmp(fields[0], "problem") == 0 && t->problem_count < TOP_PROBLEMS_MAX) {
        t->problems[t->problem_count++] = (struct top_problem){fields[1], fields[2]};
    } else if (strcmp(fields[0], "fact") == 0) {
        top_read_fact(t, fields[1], fields[2]);
    } else {
        return top_read_table(t, fields);
    }
    return 0;
}

int
top_fetch(const char *path, struct top *ret)
{
    char *fields[RECORD_FIELDS_MAX], *line, *at;
    int r;

    *ret = (struct top){.state = "", .version = ""};
    r = fetch(path, "overview", &ret->text);
    for (at = ret->text; r == 0 && (line = record_next(&at));) {
        record_split(line, fields);
        r = top_read_line(ret, fields);
    }
    if (ret->table_count && ret->tables[ret->table_count - 1].count == 0)
        ret->table_count--;
    return r;
}

void
top_fini(struct top *t)
{
    for (unsigned i = 0; i < TOP_TABLES_MAX; i++)
        free(t->tables[i].rows);
    free(t->text);
    *t = (struct top){.text = NULL};
}

/* ---- Sorting --------------------------------------------------------------------------------- */

struct top_sorting {
    int column;
    bool text;
    bool rising;
};

/* Rows without a value come last. */
static int
top_compare(const void *a, const void *b, void *arg)
{
    const struct top_sorting *s = arg;
    const char *x = ((const struct top_row *)a)->cells[s->column];
    const char *y = ((const struct top_row *)b)->cells[s->column];
    double n, m;

    if (s->text || !*x || !*y)
        return s->text ? strcmp(x, y) : !*x - !*y;
    n = strtod(x, NULL);
    m = strtod(y, NULL);
    return s->rising ? (n > m) - (n < m) : (n < m) - (n > m);
}

void
top_sort(struct top_table *t, const struct top_order *order)
{
    struct top_sorting sorting = {.column = order->column, .rising = order->rising};

    if (order->column < 0 || (unsigned)order->column >= t->columns || t->count == 0)
        return;
    sorting.text = t->kinds[order->column] == TOP_TEXT;
    qsort_r(t->rows, t->count, sizeof(*t->rows), top_compare, &sorting);
}

/* ---- For scripts ----------------------------------------------------------------------------- */

static int
top_once(const char *path)
{
    static const struct top_order none = {.column = -1};
    struct top t;
    int r = top_fetch(path, &t);

    if (r < 0)
        fetch_complain(path, r);
    else if (r > 0)
        fprintf(stderr, "goevd: %s", t.text);
    else
        top_print_head(&t, TOP_WIDTH, stdout);
    for (unsigned i = 0; r == 0 && i < t.table_count; i++) {
        printf("\n%s\n", t.tables[i].title);
        top_print_titles(&t.tables[i], &none, TOP_WIDTH, stdout);
        top_print_rows(&t.tables[i], TOP_WIDTH, 0, t.tables[i].count, stdout);
    }
    top_fini(&t);
    return r;
}

int
top_run(const char *path, unsigned times)
{
    int r = 0;

    if (times == 0)
        return top_screen(path);
    for (unsigned i = 0; r == 0 && i < times; i++) {
        if (i) {
            sleep(TOP_INTERVAL_S);
            putchar('\n');
        }
        r = top_once(path);
        fflush(stdout);
    }
    return r == 0 ? EXIT_OK : EXIT_REFUSED;
}
