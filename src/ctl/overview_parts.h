/* The parts of an overview. */
#pragma once

#include "ctl/overview.h"

#define OVERVIEW_COLUMNS_MAX 8

enum overview_kind { OVERVIEW_TEXT, OVERVIEW_COUNT, OVERVIEW_RATE, OVERVIEW_SECONDS };

struct overview_column {
    const char *title;
    enum overview_kind kind;
    const char *family; /* whose series are summed: their values, growth, or durations */
    const char *match;  /* only series with this label value; NULL: all */
    unsigned permille;  /* of OVERVIEW_SECONDS */
};

struct overview_table {
    const char *name;
    const char *title;
    const char *keys[2]; /* labels by which there is a row; the second may be NULL */
    struct overview_column columns[OVERVIEW_COLUMNS_MAX + 1]; /* title NULL after the last */
};

struct overview_row {
    const char *keys[2];
    double values[OVERVIEW_COLUMNS_MAX]; /* NAN: none */
};

struct overview_rows {
    struct overview_row *all; /* in the order of their keys */
    size_t count;
};

/* The two views between which everything happened. */
struct overview_span {
    const struct view *before;
    const struct view *now;
    double seconds;
};

extern const struct overview_table overview_listeners, overview_routes, overview_upstreams,
    overview_rooms, overview_pools;

/* The rows of a table. 0; -ENOMEM. Then free(ret->all). */
int overview_collect(const struct overview_table *t, const struct overview_span *span,
                     struct overview_rows *ret);

/* The row with this first key; NULL if there is none. */
const struct overview_row *overview_find(const struct overview_rows *rows, const char *key);

void overview_write_cells(const struct overview_table *t, const struct overview_row *row,
                          FILE *out);
void overview_write_columns(const struct overview_table *t, FILE *out);

/* Growth of a metric, per second: of all its series, or of those with a label value. NAN: there is
 * no such metric, or not enough time has passed. */
double overview_rate(const struct overview_span *span, const char *family, const char *match);

/* The quantile of a histogram, in thousandths, as seconds; NAN: it has no values. */
double overview_quantile(const struct overview_span *span, const char *family, unsigned permille);

/* Everything that an operator should look at, in words. */
void overview_write_problems(const struct overview_request *request,
                             const struct overview_span *span, FILE *out);
