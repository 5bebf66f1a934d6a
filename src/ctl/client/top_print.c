#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/client/print.h"
#include "ctl/client/top.h"

#define COLUMN_MIN 6
#define COLUMN_MAX 40 /* of texts */
#define LINE_MAX_BYTES 512

/* ---- Cells ----------------------------------------------------------------------------------- */

static const char *
top_cell(const struct top_table *t, const struct top_row *row, unsigned c, char buf[RATES_TEXT_MAX])
{
    const char *cell = row->cells[c];
    double n = *cell ? strtod(cell, NULL) : NAN;

    if (t->kinds[c] == TOP_TEXT)
        return cell;
    if (t->kinds[c] == TOP_COUNT && n >= 0 && n < 1000)
        return cell; /* a whole number */
    return t->kinds[c] == TOP_SECONDS ? rates_seconds(n, buf) : rates_rate(n, buf);
}

static int
top_width(const struct top_table *t, unsigned c)
{
    char buf[RATES_TEXT_MAX];
    size_t width = MAX(strlen(t->titles[c]) + 1, (size_t)COLUMN_MIN);

    for (size_t i = 0; i < t->count; i++)
        width = MAX(width, strlen(top_cell(t, &t->rows[i], c, buf)));
    return (int)MIN(width, (size_t)COLUMN_MAX);
}

/* Texts at the left, numbers at the right. A text that does not fit ends with '~'. */
static void
top_put(FILE *out, const char *text, int width, bool left)
{
    if ((int)strlen(text) > width)
        fprintf(out, "%.*s~ ", width - 1, text);
    else
        fprintf(out, "%*s ", left ? -width : width, text);
}

/* Print `line`, cut to the width. */
static void
top_line(const char *line, int width, FILE *out)
{
    size_t len = strlen(line);

    while (len > 0 && (line[len - 1] == ' ' || line[len - 1] == '\n'))
        len--;
    fprintf(out, "%.*s\n", (int)MIN(len, (size_t)width), line);
}

/* ---- Tables ---------------------------------------------------------------------------------- */

void
top_print_titles(const struct top_table *t, const struct top_order *order, int width, FILE *out)
{
    char line[LINE_MAX_BYTES] = "", title[64];
    FILE *text = fmemopen(line, sizeof(line), "w");

    if (!text)
        return;
    for (unsigned c = 0; c < t->columns; c++) {
        snprintf(title, sizeof(title), "%s%s", t->titles[c], order->column == (int)c ? "*" : "");
        top_put(text, title, top_width(t, c), t->kinds[c] == TOP_TEXT);
    }
    fclose(text);
    top_line(line, width, out);
}

void
top_print_rows(const struct top_table *t, int width, size_t first, size_t count, FILE *out)
{
    int widths[TOP_COLUMNS_MAX];

    for (unsigned c = 0; c < t->columns; c++)
        widths[c] = top_width(t, c);
    for (size_t i = first; i < t->count && i - first < count; i++) {
        char line[LINE_MAX_BYTES] = "", buf[RATES_TEXT_MAX];
        FILE *text = fmemopen(line, sizeof(line), "w");

        if (!text)
            return;
        for (unsigned c = 0; c < t->columns; c++)
            top_put(text, top_cell(t, &t->rows[i], c, buf), widths[c], t->kinds[c] == TOP_TEXT);
        fclose(text);
        top_line(line, width, out);
    }
}

/* ---- The head -------------------------------------------------------------------------------- */

/* Workers that drain, in words; nothing if there are none. */
static void
top_print_draining(const struct top *t, FILE *out)
{
    unsigned draining = 0;

    for (unsigned i = 0; i < t->table_count; i++)
        for (size_t n = 0; strcmp(t->tables[i].name, "workers") == 0 && n < t->tables[i].count; n++)
            draining += strcmp(t->tables[i].rows[n].cells[1], "draining") == 0;
    if (draining)
        fprintf(out, ", %u worker%s draining", draining, draining == 1 ? "" : "s");
}

static void
top_print_numbers(const struct top *t, FILE *out)
{
    const struct rates *r = &t->rates;
    char buf[4][RATES_TEXT_MAX], open[PRINT_AMOUNT_MAX];

    rates_print(r, out);
    fprintf(out, ", p50 %s, %s open, %s accepted/s, in %sB/s, out %sB/s",
            rates_seconds(r->p50, buf[0]), print_amount((uint64_t)r->open, open),
            rates_rate(r->accepted, buf[1]), rates_rate(r->received, buf[2]),
            rates_rate(r->sent, buf[3]));
}

void
top_print_head(const struct top *t, int width, FILE *out)
{
    char line[LINE_MAX_BYTES] = "", up[RATES_TEXT_MAX], of[RATES_TEXT_MAX];
    FILE *text = fmemopen(line, sizeof(line), "w");

    if (!text)
        return;
    fprintf(text, "goevd %s, %s for %s", t->version, t->state,
            rates_seconds(MAX(t->now - t->since, 0), up));
    top_print_draining(t, text);
    fprintf(text, "; rates of the last %s", rates_seconds(t->seconds, of));
    fclose(text);
    top_line(line, width, out);

    memset(line, 0, sizeof(line));
    text = fmemopen(line, sizeof(line), "w");
    if (!text)
        return;
    top_print_numbers(t, text);
    fclose(text);
    top_line(line, width, out);

    for (unsigned i = 0; i < t->problem_count; i++) {
        memset(line, 0, sizeof(line));
        snprintf(line, sizeof(line), "%s: %s", t->problems[i].severity, t->problems[i].text);
        top_line(line, width, out);
    }
}
