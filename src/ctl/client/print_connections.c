#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "ctl/client/print.h"

#define LINE_WIDTH 80 /* unless a terminal is wider */
#define CELL_MAX 128

/* The fields of a record, in their order; the worker is put in the place of its kind. */
enum field {
    FIELD_WORKER,
    FIELD_ID,
    FIELD_LISTENER,
    FIELD_PLUGIN,
    FIELD_PEER,
    FIELD_LOCAL,
    FIELD_AGE,
    FIELD_IDLE,
    FIELD_IN,
    FIELD_OUT,
    FIELD_QUEUED,
    FIELD_STATE,
    FIELD_COUNT
};
static_assert(FIELD_COUNT <= RECORD_FIELDS_MAX, "a connection fits a record");

static const struct {
    const char *key; /* in JSON, and of filters */
    bool number;
} print_fields[FIELD_COUNT] = {
    [FIELD_WORKER] = {"worker", true},       [FIELD_ID] = {"id", false},
    [FIELD_LISTENER] = {"listener", false},  [FIELD_PLUGIN] = {"plugin", false},
    [FIELD_PEER] = {"peer", false},          [FIELD_LOCAL] = {"local", false},
    [FIELD_AGE] = {"age_ms", true},          [FIELD_IDLE] = {"idle_ms", true},
    [FIELD_IN] = {"bytes_in", true},         [FIELD_OUT] = {"bytes_out", true},
    [FIELD_QUEUED] = {"queued_bytes", true}, [FIELD_STATE] = {"state", false},
};

struct print_row {
    const char *fields[FIELD_COUNT];
};

struct print_list {
    struct print_row *rows;
    size_t count;
    size_t room;
};

/* ---- Filters --------------------------------------------------------------------------------- */

static int
print_filter_field(const char *filter)
{
    size_t len = strcspn(filter, "=");

    for (int i = 0; i < FIELD_COUNT; i++)
        if (filter[len] == '=' && strlen(print_fields[i].key) == len &&
            strncmp(print_fields[i].key, filter, len) == 0)
            return i;
    return -1;
}

/* An address begins so, and one of the words of a state is it; all else is equal. */
static bool
print_filter_fits(enum field field, const char *value, const char *wanted)
{
    size_t len = strlen(wanted);

    if (field == FIELD_PEER || field == FIELD_LOCAL)
        return strncmp(value, wanted, len) == 0;
    if (field != FIELD_STATE)
        return strcmp(value, wanted) == 0;
    for (; value; value = strchr(value, ',') ? strchr(value, ',') + 1 : NULL)
        if (strncmp(value, wanted, len) == 0 && (!value[len] || value[len] == ','))
            return true;
    return false;
}

static bool
print_row_fits(const struct print_row *row, char **filters, int count)
{
    for (int i = 0; i < count; i++) {
        int field = print_filter_field(filters[i]);

        if (!print_filter_fits((enum field)field, row->fields[field], strchr(filters[i], '=') + 1))
            return false;
    }
    return true;
}

static int
print_check_filters(char **filters, int count)
{
    for (int i = 0; i < count; i++) {
        if (print_filter_field(filters[i]) >= 0)
            continue;
        fprintf(stderr, "goevd: connections: '%s' is no filter; it is KEY=VALUE, and the keys are",
                filters[i]);
        for (int k = 0; k < FIELD_COUNT; k++)
            fprintf(stderr, "%s %s", k ? "," : "", print_fields[k].key);
        fputc('\n', stderr);
        return -EINVAL;
    }
    return 0;
}

/* ---- Rows ------------------------------------------------------------------------------------ */

static struct print_row *
print_list_add(struct print_list *list)
{
    if (list->count == list->room) {
        size_t room = MAX(list->room * 2, 64);
        struct print_row *rows = realloc(list->rows, room * sizeof(*rows));

        if (!rows)
            return NULL;
        list->rows = rows;
        list->room = room;
    }
    return &list->rows[list->count++];
}

static int
print_list_take(struct print_list *list, const struct print_reply *reply, char **filters, int count)
{
    char *fields[RECORD_FIELDS_MAX], *at = reply->text, *line;

    while ((line = record_next(&at))) {
        struct print_row *row = print_list_add(list);

        if (!row)
            return -ENOMEM;
        record_split(line, fields);
        for (int i = 0; i < FIELD_COUNT; i++)
            row->fields[i] = i == FIELD_WORKER ? reply->worker : fields[i];
        if (!print_row_fits(row, filters, count))
            list->count--;
    }
    return 0;
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static void
print_row_json(const struct print_row *row)
{
    for (int i = 0; i < FIELD_COUNT; i++) {
        bool none = i == FIELD_LISTENER && !*row->fields[i];

        printf("%s\"%s\": ", i ? ", " : " {", print_fields[i].key);
        if (none)
            printf("null");
        else
            printf(print_fields[i].number ? "%s" : "\"%s\"", row->fields[i]);
    }
    putchar('}');
}

static void
print_list_json(const struct print_list *list)
{
    putchar('[');
    for (size_t i = 0; i < list->count; i++) {
        fputs(i ? ",\n" : "\n", stdout);
        print_row_json(&list->rows[i]);
    }
    puts("\n]");
}

/* ---- Columns --------------------------------------------------------------------------------- */

static const struct print_column {
    const char *head;
    enum field field;
    int least; /* it is cut down to so many characters where a line is too long */
    bool right;
} print_columns[] = {
    {"WORKER", FIELD_WORKER, 7, false}, {"LISTENER", FIELD_LISTENER, 8, false},
    {"PLUGIN", FIELD_PLUGIN, 6, false}, {"PEER", FIELD_PEER, 15, false},
    {"AGE", FIELD_AGE, 4, true},        {"IDLE", FIELD_IDLE, 4, true},
    {"IN", FIELD_IN, 4, true},          {"OUT", FIELD_OUT, 4, true},
    {"QUEUED", FIELD_QUEUED, 6, true},  {"STATE", FIELD_STATE, 5, false},
};
#define COLUMNS ARRAY_LEN(print_columns)

static const char *
print_cell(const struct print_row *row, enum field field, char buf[PRINT_AMOUNT_MAX])
{
    const char *text = row->fields[field];

    if (field == FIELD_AGE || field == FIELD_IDLE)
        return print_duration(strtoull(text, NULL, 10), buf);
    if (field == FIELD_IN || field == FIELD_OUT || field == FIELD_QUEUED)
        return print_amount(strtoull(text, NULL, 10), buf);
    return *text ? text : "-";
}

static int
print_line_width(void)
{
    struct winsize size;

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > LINE_WIDTH)
        return size.ws_col;
    return LINE_WIDTH;
}

/* The state is cut first, then the columns before the peer, then the peer. */
static void
print_shrink(int widths[COLUMNS], int over)
{
    static const enum field order[] = {FIELD_STATE, FIELD_LISTENER, FIELD_PLUGIN, FIELD_PEER};

    for (size_t o = 0; o < ARRAY_LEN(order) && over > 0; o++)
        for (size_t i = 0; i < COLUMNS; i++) {
            int room = widths[i] - print_columns[i].least;

            if (print_columns[i].field != order[o] || room <= 0)
                continue;
            widths[i] -= MIN(room, over);
            over -= MIN(room, over);
        }
}

static void
print_measure(const struct print_list *list, bool workers, int widths[COLUMNS])
{
    char buf[PRINT_AMOUNT_MAX];
    int sum = 0;

    for (size_t i = 0; i < COLUMNS; i++) {
        size_t width = strlen(print_columns[i].head);

        for (size_t r = 0; r < list->count; r++)
            width = MAX(width, strlen(print_cell(&list->rows[r], print_columns[i].field, buf)));
        widths[i] = i == 0 && !workers ? 0 : (int)MIN(width, CELL_MAX);
        sum += widths[i] ? widths[i] + 1 : 0;
    }
    print_shrink(widths, sum - 1 - print_line_width());
}

static void
print_one(const struct print_column *column, const char *text, int width)
{
    bool last = column->field == FIELD_STATE;
    int len = (int)strlen(text);

    if (width == 0)
        return;
    if (len > width)
        printf("%.*s~", width - 1, text);
    else
        printf("%*s", column->right ? width : last ? 0 : -width, text);
    putchar(last ? '\n' : ' ');
}

static void
print_total(const struct print_list *list)
{
    uint64_t in = 0, out = 0, queued = 0;
    char buf[3][PRINT_AMOUNT_MAX];

    for (size_t r = 0; r < list->count; r++) {
        in += strtoull(list->rows[r].fields[FIELD_IN], NULL, 10);
        out += strtoull(list->rows[r].fields[FIELD_OUT], NULL, 10);
        queued += strtoull(list->rows[r].fields[FIELD_QUEUED], NULL, 10);
    }
    printf("%zu connection%s, bytes: %s in, %s out, %s queued\n", list->count,
           list->count == 1 ? "" : "s", print_amount(in, buf[0]), print_amount(out, buf[1]),
           print_amount(queued, buf[2]));
}

static void
print_list_lines(const struct print_list *list, bool workers)
{
    int widths[COLUMNS];
    char buf[PRINT_AMOUNT_MAX];

    print_measure(list, workers, widths);
    for (size_t i = 0; i < COLUMNS && list->count > 0; i++)
        print_one(&print_columns[i], print_columns[i].head, widths[i]);
    for (size_t r = 0; r < list->count; r++)
        for (size_t i = 0; i < COLUMNS; i++)
            print_one(&print_columns[i], print_cell(&list->rows[r], print_columns[i].field, buf),
                      widths[i]);
    print_total(list);
}

/* ---- All of it ------------------------------------------------------------------------------- */

int
print_connections(const struct print_reply *replies, unsigned count, char **filters,
                  int filter_count, bool json)
{
    struct print_list list = {0};
    int r = print_check_filters(filters, filter_count);

    for (unsigned i = 0; i < count && r == 0; i++)
        r = print_list_take(&list, &replies[i], filters, filter_count);
    if (r == 0 && json)
        print_list_json(&list);
    else if (r == 0)
        print_list_lines(&list, count > 1);
    free(list.rows);
    return r;
}
