#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "status/number.h"
#include "status/render.h"
#include <status_assets.h>

#define STATUS_POINTS_MAX 256
#define STATUS_PLOT_S 600 /* width of a plot in seconds */
#define STATUS_PLOT_HEIGHT 40

/* The numbers of `total` and `point`, in their order. */
enum {
    STATUS_REQUESTS,
    STATUS_ERRORS,
    STATUS_ACCEPTED,
    STATUS_RECEIVED,
    STATUS_SENT,
    STATUS_OPEN,
    STATUS_P50,
    STATUS_P99,
    STATUS_NUMBERS
};

/* The numbers with a plot, in the order of the page. */
static const struct {
    const char *title;
    const char *id;
    unsigned number;
    enum status_kind kind;
} status_shown[] = {
    {"requests/s", "requests", STATUS_REQUESTS, STATUS_RATE},
    {"errors/s (5xx)", "errors", STATUS_ERRORS, STATUS_RATE},
    {"p50", "p50", STATUS_P50, STATUS_SECONDS},
    {"p99", "p99", STATUS_P99, STATUS_SECONDS},
    {"connections", "open", STATUS_OPEN, STATUS_COUNT},
    {"accepted/s", "accepted", STATUS_ACCEPTED, STATUS_RATE},
    {"received/s", "received", STATUS_RECEIVED, STATUS_BYTES},
    {"sent/s", "sent", STATUS_SENT, STATUS_BYTES},
};
#define STATUS_SHOWN (sizeof(status_shown) / sizeof(status_shown[0]))

struct status_page {
    FILE *out;
    const char *totals[STATUS_NUMBERS];
    double points[STATUS_POINTS_MAX][1 + STATUS_NUMBERS]; /* values, behind the age of the point in
                                                           * seconds */
    size_t point_count;
    const char *state, *since, *version, *seconds, *time;
    unsigned problems;
    bool numbers; /* the numbers have been written */

    /* the current table */
    const char *table, *title;
    const char *titles[STATUS_FIELDS_MAX];
    enum status_kind kinds[STATUS_FIELDS_MAX];
    size_t columns, rows;
};

/* ---- Texts ----------------------------------------------------------------------------------- */

static void
status_html_char(FILE *out, unsigned c)
{
    if (c == '&' || c == '<' || c == '>' || c == '"' || c == '\'')
        fprintf(out, "&#%u;", c);
    else if (c < ' ' || c == 0x7f)
        fputs("\xef\xbf\xbd", out); /* U+FFFD */
    else
        fputc((int)c, out);
}

/* Decode the JSON escape behind a backslash. Returns the characters read. */
static size_t
status_html_escape(FILE *out, const char *text)
{
    char digits[5] = "";
    unsigned c;

    if (*text == 'u' && strspn(text + 1, "0123456789abcdefABCDEF") >= 4) {
        memcpy(digits, text + 1, 4);
        c = (unsigned)strtoul(digits, NULL, 16);
        if (c < 0x80)
            status_html_char(out, c);
        else
            fprintf(out, "&#%u;", c);
        return 5;
    }
    status_html_char(out,
                     *text == 'n' || *text == 't' || *text == 'r' ? ' ' : (unsigned char)*text);
    return *text != '\0';
}

void
status_html_text(FILE *out, const char *text)
{
    while (*text) {
        char c = *text++;

        if (c == '\\')
            text += status_html_escape(out, text);
        else
            status_html_char(out, (unsigned char)c);
    }
}

/* ---- Problems -------------------------------------------------------------------------------- */

static void
status_page_problem(struct status_page *p, const char *severity, const char *text)
{
    bool error = strcmp(severity, "error") == 0;

    p->problems++;
    fprintf(p->out, "<li class=%s><b>%s</b>", error ? "error" : "warning",
            error ? "Error" : "Warning");
    status_html_text(p->out, text);
    fputs("</li>\n", p->out);
}

/* ---- Numbers with plots ---------------------------------------------------------------------- */

static double
status_page_max(const struct status_page *p, unsigned number)
{
    double max = 0;

    for (size_t i = 0; i < p->point_count; i++)
        if (p->points[i][1 + number] > max)
            max = p->points[i][1 + number];
    return max;
}

static void
status_page_plot(const struct status_page *p, unsigned shown)
{
    unsigned number = status_shown[shown].number;
    double max = status_page_max(p, number);
    char text[32];

    if (max <= 0 && !*p->totals[number])
        return; /* it is not known, and was not */
    snprintf(text, sizeof(text), "%f", max);
    fprintf(p->out,
            "<svg viewBox=\"0 0 %d %d\" preserveAspectRatio=none role=img aria-label=\"the last 10 "
            "minutes, at most ",
            STATUS_PLOT_S, STATUS_PLOT_HEIGHT);
    status_number(p->out, status_shown[shown].kind, text);
    fputs("\"><polyline fill=none stroke=currentColor stroke-width=1.5 "
          "vector-effect=non-scaling-stroke points=\"",
          p->out);
    for (size_t i = 0; i < p->point_count; i++)
        fprintf(p->out, "%.0f,%.1f ", STATUS_PLOT_S - p->points[i][0],
                STATUS_PLOT_HEIGHT -
                    (max > 0 ? p->points[i][1 + number] / max * STATUS_PLOT_HEIGHT : 0));
    fputs("\"/></svg>", p->out);
}

/* Write the numbers when all of them are known: before the first table. */
static void
status_page_numbers(struct status_page *p)
{
    if (p->numbers)
        return;
    p->numbers = true;
    if (p->problems == 0)
        fputs("<li class=good>No problems.</li>\n", p->out);
    fputs("</ul>\n<dl class=numbers>\n", p->out);
    for (unsigned i = 0; i < STATUS_SHOWN; i++) {
        const char *value = p->totals[status_shown[i].number];

        fprintf(p->out, "<div><dt>%s</dt><dd><data id=%s value=\"%s\">", status_shown[i].title,
                status_shown[i].id, value);
        status_number(p->out, status_shown[i].kind, value);
        fputs("</data></dd>", p->out);
        status_page_plot(p, i);
        fputs("</div>\n", p->out);
    }
    fputs("</dl>\n", p->out);
}

static void
status_page_point(struct status_page *p, char *const *fields)
{
    if (p->point_count == STATUS_POINTS_MAX)
        return;
    for (unsigned i = 0; i <= STATUS_NUMBERS; i++)
        p->points[p->point_count][i] = strtod(fields[i], NULL);
    if (p->points[p->point_count][0] <= STATUS_PLOT_S)
        p->point_count++;
}

/* ---- Tables ---------------------------------------------------------------------------------- */

/* Begin a table at its first row, so that an empty table is left out. */
static void
status_page_begin_table(struct status_page *p)
{
    fprintf(p->out, "<h2>%s</h2>\n<div class=scroll id=%s-box><table id=%s>\n<thead><tr>", p->title,
            p->table, p->table);
    for (size_t i = 0; i < p->columns; i++)
        fprintf(p->out, "<th scope=col%s><button id=%s-%zu>%s</button></th>",
                p->kinds[i] == STATUS_TEXT ? " class=text" : "", p->table, i, p->titles[i]);
    fputs("</tr></thead>\n<tbody>\n", p->out);
}

static void
status_page_end_table(struct status_page *p)
{
    if (p->rows)
        fputs("</tbody></table></div>\n", p->out);
    p->columns = p->rows = 0;
}

static void
status_page_row(struct status_page *p, char *const *cells)
{
    if (p->rows++ == 0)
        status_page_begin_table(p);
    fputs("<tr>", p->out);
    for (size_t i = 0; i < p->columns; i++) {
        fputs(p->kinds[i] == STATUS_TEXT ? "<td class=text data-value=\"" : "<td data-value=\"",
              p->out);
        status_html_text(p->out, cells[i]);
        fputs("\">", p->out);
        if (p->kinds[i] == STATUS_TEXT)
            status_html_text(p->out, cells[i]);
        else
            status_number(p->out, p->kinds[i], cells[i]);
        fputs("</td>", p->out);
    }
    fputs("</tr>\n", p->out);
}

static void
status_page_column(struct status_page *p, char *const *fields)
{
    if (p->columns == STATUS_FIELDS_MAX - 1)
        return;
    p->titles[p->columns] = fields[0];
    p->kinds[p->columns++] = status_kind_of(fields[1]);
}

/* ---- The page -------------------------------------------------------------------------------- */

static void
status_page_fact(struct status_page *p, const char *key, const char *value)
{
    if (strcmp(key, "state") == 0)
        p->state = value;
    else if (strcmp(key, "since") == 0)
        p->since = value;
    else if (strcmp(key, "version") == 0)
        p->version = value;
}

static void
status_page_line(struct status_page *p, struct status_records *r)
{
    if (status_records_is(r, "problem")) {
        status_page_problem(p, r->fields[1], r->fields[2]);
    } else if (status_records_is(r, "point")) {
        status_page_point(p, r->fields + 1);
    } else if (status_records_is(r, "total")) {
        memcpy(p->totals, r->fields + 1, sizeof(p->totals));
    } else if (status_records_is(r, "table")) {
        status_page_numbers(p);
        status_page_end_table(p);
        p->table = r->fields[1];
        p->title = r->fields[2];
    } else if (status_records_is(r, "column")) {
        status_page_column(p, r->fields + 1);
    } else if (status_records_is(r, "row")) {
        status_page_row(p, r->fields + 1);
    }
}

static void
status_page_head(struct status_page *p, const char *nonce)
{
    fprintf(
        p->out,
        "<!doctype html>\n<html lang=en>\n<head>\n<meta charset=utf-8>\n"
        "<meta name=viewport content=\"width=device-width, initial-scale=1\">\n"
        "<title>goevd</title>\n<style nonce=\"%s\">\n%s</style>\n</head>\n<body>\n"
        "<ul class=problems id=lost hidden><li class=error><b>Error</b><span></span></li></ul>\n"
        "<main>\n",
        nonce, status_css);
}

/* Read the facts first, because the page shows them before the numbers. */
static void
status_page_title(struct status_page *p)
{
    char age[32] = "";

    if (*p->since && *p->time)
        snprintf(age, sizeof(age), "%.0f", strtod(p->time, NULL) - strtod(p->since, NULL));
    fputs("<header><h1>goevd ", p->out);
    status_html_text(p->out, p->version);
    fputs("</h1><p>", p->out);
    status_html_text(p->out, p->state);
    fputs(", started ", p->out);
    status_number(p->out, STATUS_SECONDS, age);
    fprintf(p->out, " ago</p><p class=quiet>Rates of the last <data id=seconds value=\"%s\">",
            p->seconds);
    status_number(p->out, STATUS_SECONDS, p->seconds);
    fputs("</data>; plots of the last 10 minutes. <a href=status.json>JSON</a></p></header>\n"
          "<ul class=problems>\n",
          p->out);
}

static void
status_page_read_facts(struct status_page *p, struct status_records *r)
{
    p->state = p->since = p->version = p->seconds = p->time = "";
    do {
        if (status_records_is(r, "now")) {
            p->time = r->fields[1];
            p->seconds = r->fields[2];
        } else if (status_records_is(r, "total")) {
            memcpy(p->totals, r->fields + 1, sizeof(p->totals));
        } else if (status_records_is(r, "fact")) {
            status_page_fact(p, r->fields[1], r->fields[2]);
        } else if (!status_records_is(r, "event")) {
            return; /* a table begins: no facts follow */
        }
    } while (status_records_next(r));
}

void
status_page(FILE *out, char *records, const char *nonce)
{
    struct status_page *p = calloc(1, sizeof(*p));
    struct status_records r;

    if (!p)
        return;
    p->out = out;
    for (size_t i = 0; i < STATUS_NUMBERS; i++)
        p->totals[i] = "";
    status_records_begin(&r, records);
    status_page_head(p, nonce);
    if (status_records_next(&r)) {
        status_page_read_facts(p, &r);
        status_page_title(p);
        do
            status_page_line(p, &r);
        while (status_records_next(&r));
    }
    status_page_numbers(p);
    status_page_end_table(p);
    fprintf(out, "</main>\n<script nonce=\"%s\">\n%s</script>\n</body>\n</html>\n", nonce,
            status_js);
    free(p);
}
