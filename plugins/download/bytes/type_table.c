#include "download/bytes/type_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct dl_type_row {
    const char *extension;
    const char *type;
    size_t rank; /* order of insertion: the lowest rank of an extension wins */
};

/* ---- The table ------------------------------------------------------------------------------- */

int
dl_type_table_add(struct dl_type_table *table, const char *extension, const char *type)
{
    if (table->count == table->room) {
        size_t room = table->room == 0 ? 256 : table->room * 2;
        struct dl_type_row *rows = reallocarray(table->rows, room, sizeof(*rows));

        if (!rows)
            return -ENOMEM;
        table->rows = rows;
        table->room = room;
    }
    table->rows[table->count] = (struct dl_type_row){extension, type, table->count};
    table->count++;
    return 0;
}

static int
dl_type_compare(const void *a, const void *b)
{
    const struct dl_type_row *x = a, *y = b;
    int r = strcasecmp(x->extension, y->extension);

    return r != 0 ? r : (x->rank > y->rank) - (x->rank < y->rank);
}

void
dl_type_table_seal(struct dl_type_table *table)
{
    size_t count = 0;

    if (table->count)
        qsort(table->rows, table->count, sizeof(*table->rows), dl_type_compare);
    for (size_t i = 0; i < table->count; i++)
        if (count == 0 ||
            strcasecmp(table->rows[i].extension, table->rows[count - 1].extension) != 0)
            table->rows[count++] = table->rows[i];
    table->count = count;
}

/* ---- Files ----------------------------------------------------------------------------------- */

bool
dl_type_is_valid(const char *type)
{
    if (!strchr(type, '/'))
        return false;
    for (const char *p = type; *p != '\0'; p++)
        if (*p < ' ' || *p > '~')
            return false;
    return type[strlen(type) - 1] != ' ' && *type != ' ';
}

/* Parse "50:text/html:*.html" or "50:text/x-c:*.C:cs" of shared-mime-info, which is sorted by
 * weight with the highest first. */
static int
dl_type_table_glob(struct dl_type_table *table, char *line)
{
    char *type, *glob, *flags;

    strsep(&line, ":");
    type = strsep(&line, ":");
    glob = strsep(&line, ":");
    flags = line;
    if (!glob || glob[0] != '*' || glob[1] != '.' || strpbrk(glob + 2, "*?["))
        return 0;
    for (const char *p = glob; flags && *p != '\0'; p++)
        if (*p >= 'A' && *p <= 'Z')
            return 0; /* a case-sensitive pattern */
    return dl_type_is_valid(type) ? dl_type_table_add(table, glob + 2, type) : 0;
}

/* Parse "text/html html htm" of mime.types(5). */
static int
dl_type_table_line(struct dl_type_table *table, char *line)
{
    static const char space[] = " \t";
    char *rest = NULL, *type = strtok_r(line, space, &rest), *extension;
    int r = 0;

    if (!type || !dl_type_is_valid(type))
        return 0;
    while (r == 0 && (extension = strtok_r(NULL, space, &rest)) != NULL)
        r = dl_type_table_add(table, extension, type);
    return r;
}

int
dl_type_table_parse(struct dl_type_table *table, char *text)
{
    char *rest = text, *line;
    int r = 0;

    while (r == 0 && (line = strsep(&rest, "\r\n")) != NULL) {
        if (*line == '#' || *line == '\0')
            continue;
        r = *line >= '0' && *line <= '9' ? dl_type_table_glob(table, line)
                                         : dl_type_table_line(table, line);
    }
    return r;
}

/* ---- Look-up --------------------------------------------------------------------------------- */

static int
dl_type_compare_key(const void *key, const void *item)
{
    return strcasecmp(key, ((const struct dl_type_row *)item)->extension);
}

const char *
dl_type_table_find(const struct dl_type_table *table, const char *name)
{
    const char *slash = strrchr(name, '/');
    const char *dot = slash ? slash + 1 : name;

    while (table->count > 0 && (dot = strchr(dot, '.'))) {
        const struct dl_type_row *found =
            bsearch(++dot, table->rows, table->count, sizeof(*table->rows), dl_type_compare_key);

        if (found)
            return found->type;
    }
    return NULL;
}

void
dl_type_table_fini(struct dl_type_table *table)
{
    free(table->rows);
    *table = (struct dl_type_table){0};
}
