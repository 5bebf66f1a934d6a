#include <string.h>

#include "status/render.h"

/* Names of the numbers of `total` and `point`, in their order. */
static const char *const status_json_numbers[] = {"requests", "errors", "accepted", "received",
                                                  "sent",     "open",   "p50",      "p99"};
#define JSON_NUMBERS (sizeof(status_json_numbers) / sizeof(status_json_numbers[0]))
#define JSON_COLUMNS_MAX STATUS_FIELDS_MAX

/* The columns of the current table. */
struct status_json_table {
    const char *titles[JSON_COLUMNS_MAX];
    bool text[JSON_COLUMNS_MAX];
    size_t columns;
    size_t rows;
    bool open;
};

/* Texts in records are escaped already, so they are only quoted. */
static void
status_json_value(FILE *out, const char *value, bool text)
{
    if (text)
        fprintf(out, "\"%s\"", value);
    else
        fputs(*value ? value : "null", out);
}

static void
status_json_put_numbers(FILE *out, char *const *fields)
{
    for (size_t i = 0; i < JSON_NUMBERS; i++) {
        fprintf(out, "%s\"%s\":", i ? "," : "", status_json_numbers[i]);
        status_json_value(out, fields[i], false);
    }
}

static void
status_json_end_table(FILE *out, struct status_json_table *t)
{
    if (t->open)
        fputs("]", out);
    *t = (struct status_json_table){.open = false};
}

static void
status_json_put_row(FILE *out, struct status_json_table *t, char *const *cells)
{
    fputs(t->rows++ ? ",\n{" : "\n{", out);
    for (size_t i = 0; i < t->columns; i++) {
        fprintf(out, "%s\"%s\":", i ? "," : "", t->titles[i]);
        status_json_value(out, cells[i], t->text[i]);
    }
    fputs("}", out);
}

/* Records of one kind follow each other. Opens the list of a kind, and closes it when another kind
 * follows. */
static bool
status_json_continues(const struct status_records *r, const char *list)
{
    return list && status_records_is(r, list);
}

static void
status_json_put_item(FILE *out, const struct status_records *r)
{
    char *const *f = r->fields;

    if (status_records_is(r, "problem")) {
        fprintf(out, "{\"severity\":\"%s\",\"text\":\"%s\"}", f[1], f[2]);
        return;
    }
    fprintf(out, "{\"ago\":%s,", f[1]);
    status_json_put_numbers(out, f + 2);
    fputs("}", out);
}

static void
status_json_put_single(FILE *out, const struct status_records *r)
{
    char *const *f = r->fields;

    if (status_records_is(r, "now")) {
        fprintf(out, "\"time\":%s,\"seconds\":%s", f[1], f[2]);
    } else if (status_records_is(r, "event")) {
        fprintf(out, "\"%s\":{\"time\":%s,\"ok\":%s,\"text\":\"%s\"}", f[1], f[2],
                strcmp(f[3], "1") == 0 ? "true" : "false", f[4]);
    } else if (status_records_is(r, "fact")) {
        bool number = strspn(f[2], "0123456789") == strlen(f[2]) && *f[2];

        fprintf(out, "\"%s\":", f[1]);
        status_json_value(out, f[2], !number);
    } else if (status_records_is(r, "total")) {
        fputs("\"now\":{", out);
        status_json_put_numbers(out, f + 1);
        fputs("}", out);
    }
}

/* Write a line of a table; false: the record is none. */
static bool
status_json_table_line(FILE *out, struct status_json_table *t, const struct status_records *r)
{
    if (status_records_is(r, "table")) {
        status_json_end_table(out, t);
        t->open = true;
        fprintf(out, ",\n\"%s\":[", r->fields[1]);
    } else if (status_records_is(r, "column") && t->columns < JSON_COLUMNS_MAX) {
        t->titles[t->columns] = r->fields[1];
        t->text[t->columns++] = strcmp(r->fields[2], "text") == 0;
    } else if (status_records_is(r, "row")) {
        status_json_put_row(out, t, r->fields + 1);
    } else {
        return false;
    }
    return true;
}

void
status_json(FILE *out, char *records)
{
    struct status_json_table table = {.open = false};
    const char *list = NULL; /* the kind of record whose list is open */
    bool problems = false, history = false;
    bool first = true;
    struct status_records r;

    fputs("{", out);
    for (status_records_begin(&r, records); status_records_next(&r);) {
        bool item = status_records_is(&r, "problem") || status_records_is(&r, "point");

        if (list && !status_json_continues(&r, list))
            fputs("]", out);
        if (item)
            fprintf(out, status_json_continues(&r, list) ? ",\n" : ",\n\"%s\":[",
                    status_records_is(&r, "problem") ? "problems" : "history");
        problems |= status_records_is(&r, "problem");
        history |= status_records_is(&r, "point");
        list = !item ? NULL : status_records_is(&r, "problem") ? "problem" : "point";
        if (item) {
            status_json_put_item(out, &r);
        } else if (!status_json_table_line(out, &table, &r)) {
            fputs(first ? "" : ",\n", out);
            status_json_put_single(out, &r);
        }
        first = false;
    }
    status_json_end_table(out, &table);
    fputs(problems ? "" : ",\n\"problems\":[]", out);
    fputs(history ? "" : ",\n\"history\":[]", out);
    fputs("}\n", out);
}
