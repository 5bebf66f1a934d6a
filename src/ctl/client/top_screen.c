/* On a terminal: q ends it, Tab and the arrows choose table and column, r turns the order round. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/client/fetch.h"
#include "ctl/client/top.h"
#include "process/exit.h"

#ifndef HAVE_NCURSES

int
top_screen(const char *path)
{
    (void)path;
    fprintf(stderr, "goevd: this goevd was built without ncurses; print texts with -n COUNT\n");
    return EXIT_REFUSED;
}

#else

#include <ncurses.h>

#define TOP_WAIT_MS 1000
#define TOP_REDRAW ('L' & 31) /* Ctrl-L */
#define TOP_HEAD_MAX 5        /* lines of numbers and problems */
#define TOP_HELP "q quit  Tab table  left, right: column  r reverse  up, down: scroll"

struct top_screen {
    struct top top;
    struct top_order orders[TOP_TABLES_MAX];
    unsigned table;
    size_t first; /* row that is shown */
    int fetched;  /* as top_fetch() */
};

/* Texts of lines on the screen, from a line on; at most so many. Returns the next line. */
static int
top_screen_put(char *text, int y, int max, attr_t attributes)
{
    char *line;

    attron(attributes);
    while ((line = strsep(&text, "\n")) && *line && max-- > 0)
        mvaddnstr(y++, 0, line, COLS);
    attroff(attributes);
    return y;
}

static int
top_screen_head(const struct top_screen *s, int y)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    if (!out)
        return y;
    top_print_head(&s->top, COLS, out);
    fclose(out);
    y = top_screen_put(text, y, TOP_HEAD_MAX, A_BOLD);
    free(text);
    return y;
}

/* The names of the tables, the present one in brackets. */
static void
top_screen_tables(const struct top_screen *s, int y)
{
    move(y, 0);
    for (unsigned i = 0; i < s->top.table_count; i++)
        printw(i == s->table ? "[%s] " : " %s  ", s->top.tables[i].title);
}

static void
top_screen_table(struct top_screen *s, int y)
{
    struct top_table *t = &s->top.tables[s->table];
    size_t lines = (size_t)MAX(LINES - y - 2, 1);
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    if (!out)
        return;
    top_sort(t, &s->orders[s->table]);
    s->first = MIN(s->first, t->count > lines ? t->count - lines : 0);
    top_print_titles(t, &s->orders[s->table], COLS, out);
    top_print_rows(t, COLS, s->first, lines, out);
    fclose(out);
    top_screen_put(text, y, LINES - y - 1, A_NORMAL);
    mvchgat(y, 0, -1, A_REVERSE, 0, NULL);
    free(text);
}

static void
top_screen_draw(struct top_screen *s)
{
    int y = 0;

    erase();
    if (s->fetched != 0)
        mvaddstr(y++, 0, s->fetched > 0 && s->top.text ? s->top.text : "goevd does not reply");
    else
        y = top_screen_head(s, y);
    s->table = s->top.table_count ? s->table % s->top.table_count : 0;
    if (s->fetched == 0 && s->top.table_count) {
        top_screen_tables(s, y++);
        top_screen_table(s, y);
    }
    mvaddnstr(LINES - 1, 0, TOP_HELP, COLS);
    refresh();
}

/* Moves to another column: from none to the first or last one. */
static void
top_screen_column(struct top_screen *s, int by)
{
    struct top_order *order = &s->orders[s->table];
    int columns = (int)s->top.tables[s->table].columns;

    if (columns > 0)
        order->column = (order->column + by + columns + 1) % (columns + 1);
    if (order->column == columns)
        order->column = -1;
}

/* False: the end. */
static bool
top_screen_key(struct top_screen *s, int key)
{
    if (key == 'q' || key == 'Q')
        return false;
    if (key == '\t')
        s->table++;
    else if (key == KEY_BTAB)
        s->table += s->top.table_count - (s->top.table_count > 0);
    else if (key == KEY_RIGHT || key == KEY_LEFT)
        top_screen_column(s, key == KEY_RIGHT ? 1 : -1);
    else if (key == 'r')
        s->orders[s->table].rising = !s->orders[s->table].rising;
    else if (key == KEY_DOWN || key == KEY_NPAGE)
        s->first += key == KEY_DOWN ? 1 : (size_t)LINES / 2;
    else if (key == KEY_UP || key == KEY_PPAGE)
        s->first -= MIN(s->first, key == KEY_UP ? 1 : (size_t)LINES / 2);
    if (key == '\t' || key == KEY_BTAB)
        s->first = 0;
    if (key == TOP_REDRAW)
        clearok(stdscr, true);
    return true;
}

int
top_screen(const char *path)
{
    struct top_screen s = {.table = 0};
    SCREEN *screen;

    if (!isatty(STDOUT_FILENO) || !isatty(STDIN_FILENO)) {
        fprintf(stderr, "goevd: top needs a terminal; print texts with -n COUNT\n");
        return EXIT_REFUSED;
    }
    screen = newterm(NULL, stdout, stdin);
    if (!screen) {
        fprintf(stderr,
                "goevd: the terminal is not known; set TERM, or print texts with -n COUNT\n");
        return EXIT_REFUSED;
    }
    for (unsigned i = 0; i < TOP_TABLES_MAX; i++)
        s.orders[i].column = -1;
    cbreak();
    noecho();
    keypad(stdscr, true);
    curs_set(0);
    timeout(TOP_WAIT_MS);
    do {
        top_fini(&s.top);
        s.fetched = top_fetch(path, &s.top);
        top_screen_draw(&s);
    } while (top_screen_key(&s, getch()));
    endwin();
    delscreen(screen);
    top_fini(&s.top);
    return EXIT_OK;
}

#endif
