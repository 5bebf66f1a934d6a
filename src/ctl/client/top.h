/* goevd ctl top: present rates, again and again.
 *
 *   top.c         fetches an overview, and sorts its tables
 *   top_print.c   as lines of text
 *   top_screen.c  on a terminal, with keys (ncurses)
 */
#pragma once

#include "ctl/client/rates.h"

#define TOP_TABLES_MAX 8
#define TOP_COLUMNS_MAX (RECORD_FIELDS_MAX - 1)
#define TOP_PROBLEMS_MAX 64

enum top_kind { TOP_TEXT, TOP_COUNT, TOP_RATE, TOP_SECONDS };

struct top_row {
    char *cells[TOP_COLUMNS_MAX];
};

struct top_table {
    const char *name, *title;
    const char *titles[TOP_COLUMNS_MAX];
    enum top_kind kinds[TOP_COLUMNS_MAX];
    unsigned columns;
    struct top_row *rows;
    size_t count, room;
};

struct top_problem {
    const char *severity, *text;
};

struct top {
    char *text; /* all strings point into it */
    double now, seconds;
    double since;
    const char *state, *version;
    struct rates rates;
    struct top_problem problems[TOP_PROBLEMS_MAX];
    unsigned problem_count;
    struct top_table tables[TOP_TABLES_MAX]; /* those that have rows */
    unsigned table_count;
};

/* How a table is sorted and shown. */
struct top_order {
    int column;  /* -1: as it comes */
    bool rising; /* texts always rise */
};

/* Ask the worker that serves. As fetch(); -ENOMEM. */
int top_fetch(const char *path, struct top *ret);
void top_fini(struct top *t);

void top_sort(struct top_table *t, const struct top_order *order);

/* Lines of at most `width` characters. */
void top_print_head(const struct top *t, int width, FILE *out);
void top_print_titles(const struct top_table *t, const struct top_order *order, int width,
                      FILE *out);
void top_print_rows(const struct top_table *t, int width, size_t first, size_t count, FILE *out);

/* `times` texts, a second apart; 0: on the terminal until a key ends it. The exit status. */
int top_run(const char *path, unsigned times);
int top_screen(const char *path);
