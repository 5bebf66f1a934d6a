#include "conf/yaml/errors.h"

#include <errno.h>
#include <string.h>

void
conf_errors_fini(struct conf_errors *errors)
{
    size_t i;

    if (!errors)
        return;
    for (i = 0; i < errors->kept; i++)
        free(errors->items[i].line);
    free(errors->items);
    *errors = (struct conf_errors){0};
}

/* A control character, of ASCII or the second set in UTF-8: its bytes, else 0. */
static size_t
errors_control(const char *text)
{
    const unsigned char *c = (const unsigned char *)text;

    if (c[0] < 0x20 || c[0] == 0x7f)
        return 1;
    return c[0] == 0xc2 && c[1] >= 0x80 && c[1] <= 0x9f ? 2 : 0;
}

/* A copy in which control characters, which could play tricks on a terminal, are visible. */
static char *
errors_visible(const char *text)
{
    char *copy = malloc(strlen(text) * 4 + 1);
    char *to = copy;
    size_t control;

    while (copy && *text) {
        control = errors_control(text);
        if (control == 0)
            *to++ = *text++;
        for (; control > 0; control--)
            to += sprintf(to, "\\x%02x", (unsigned)(unsigned char)*text++);
    }
    if (copy)
        *to = '\0';
    return copy;
}

static char *errors_line(const struct conf_mark *mark, const char *path, const char *format,
                         va_list args) PRINTF(3, 0);

static char *
errors_line(const struct conf_mark *mark, const char *path, const char *format, va_list args)
{
    _cleanup_free_ char *text = NULL, *line = NULL;
    char place[32] = "";
    const char *file = mark && mark->file ? mark->file->name : "";
    int len;

    if (vasprintf(&text, format, args) < 0) {
        text = NULL;
        return NULL;
    }
    if (mark && mark->line > 0)
        snprintf(place, sizeof(place), ":%u:%u", mark->line, mark->column);
    len = asprintf(&line, "%s%s%s%s%s%s", file, place, *file ? ": " : "", path, *path ? ": " : "",
                   text);
    if (len < 0) {
        line = NULL;
        return NULL;
    }
    return errors_visible(line);
}

static int
errors_reserve(struct conf_errors *errors)
{
    if (errors->items)
        return 0;
    errors->items = calloc(CONF_ERRORS_MAX, sizeof(*errors->items));
    return errors->items ? 0 : -ENOMEM;
}

int
conf_errors_vadd(struct conf_errors *errors, const struct conf_mark *mark, const char *path,
                 const char *format, va_list args)
{
    struct conf_error *error;
    char *line;

    errors->found++;
    if (errors->kept == CONF_ERRORS_MAX || errors_reserve(errors) < 0)
        return -EINVAL;
    line = errors_line(mark, path, format, args);
    if (!line)
        return -EINVAL;
    error = &errors->items[errors->kept];
    *error = (struct conf_error){.line = line, .number = (unsigned)errors->kept};
    errors->kept++;
    if (mark) {
        error->file_number = mark->file ? mark->file->number : 0;
        error->at_line = mark->line;
        error->at_column = mark->column;
    }
    return -EINVAL;
}

int
conf_errors_add(struct conf_errors *errors, const struct conf_mark *mark, const char *path,
                const char *format, ...)
{
    va_list args;

    va_start(args, format);
    conf_errors_vadd(errors, mark, path, format, args);
    va_end(args);
    return -EINVAL;
}

static int
errors_order(unsigned a, unsigned b)
{
    return (a > b) - (a < b);
}

static int
errors_compare(const void *left, const void *right)
{
    const struct conf_error *a = left, *b = right;
    int r = errors_order(a->file_number, b->file_number);

    if (r == 0)
        r = errors_order(a->at_line, b->at_line);
    if (r == 0)
        r = errors_order(a->at_column, b->at_column);
    return r != 0 ? r : errors_order(a->number, b->number);
}

void
conf_errors_sort(struct conf_errors *errors)
{
    if (errors->kept > 1)
        qsort(errors->items, errors->kept, sizeof(*errors->items), errors_compare);
}

void
conf_errors_print(struct conf_errors *errors, FILE *out)
{
    size_t i;

    conf_errors_sort(errors);
    for (i = 0; i < errors->kept; i++)
        fprintf(out, "%s\n", errors->items[i].line);
    if (errors->found > errors->kept)
        fprintf(out, "and %zu more\n", errors->found - errors->kept);
}

struct conf_quoted
conf_quote(struct goevd_str text)
{
    struct conf_quoted quoted;
    size_t len = MIN(text.len, (size_t)CONF_QUOTE_MAX);

    /* Not in the middle of a character. */
    while (len > 0 && len < text.len && ((unsigned char)text.data[len] & 0xc0) == 0x80)
        len--;
    snprintf(quoted.text, sizeof(quoted.text), "\"%.*s%s\"", (int)len, text.data ? text.data : "",
             len < text.len ? "..." : "");
    return quoted;
}
