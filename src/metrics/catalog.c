#include "metrics/catalog.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* ---- Rules ----------------------------------------------------------------------------------- */

static bool
catalog_word_is_valid(const char *word, const char *allowed, size_t max)
{
    size_t len = word ? strlen(word) : 0;

    return len > 0 && len <= max && strspn(word, allowed) == len;
}

static bool
catalog_ends_with(const char *name, size_t len, const char *end)
{
    size_t end_len = strlen(end);

    return len > end_len && memcmp(name + len - end_len, end, end_len) == 0;
}

/* goevd_..., with the endings that its type and unit ask for, and no others. */
static bool
catalog_name_is_valid(const struct catalog_family *f)
{
    static const char *const ends[] = {
        [GOEVD_METRIC_BYTES] = "_bytes", [GOEVD_METRIC_NANOSECONDS] = "_seconds"};
    size_t len;
    bool total;

    if (!catalog_word_is_valid(f->name, "abcdefghijklmnopqrstuvwxyz0123456789_",
                               CATALOG_NAME_MAX) ||
        strncmp(f->name, "goevd_", 6) != 0)
        return false;
    len = strlen(f->name);
    total = catalog_ends_with(f->name, len, "_total");
    if (total != (f->type == GOEVD_METRIC_COUNTER))
        return false;
    if (total)
        len -= strlen("_total");
    for (enum goevd_metric_unit u = GOEVD_METRIC_BYTES; u <= GOEVD_METRIC_NANOSECONDS; u++)
        if (catalog_ends_with(f->name, len, ends[u]) != (u == f->unit))
            return false;
    return true;
}

static bool
catalog_help_is_valid(const char *help)
{
    size_t len = help ? strlen(help) : 0;

    if (len == 0 || len > CATALOG_HELP_MAX)
        return false;
    for (const char *c = help; *c; c++)
        if (*c < ' ' || *c > '~' || *c == '\\')
            return false;
    return true;
}

static bool
catalog_bounds_are_valid(const struct catalog_family *f)
{
    if (f->type != GOEVD_METRIC_HISTOGRAM)
        return f->bound_count == 0;
    if (f->bound_count == 0 || f->bound_count > CATALOG_BOUNDS_MAX)
        return false;
    for (unsigned i = 1; i < f->bound_count; i++)
        if (f->bounds[i] <= f->bounds[i - 1])
            return false;
    return true;
}

bool
catalog_family_is_valid(const struct catalog_family *f)
{
    if (f->type < GOEVD_METRIC_COUNTER || f->type > GOEVD_METRIC_HISTOGRAM ||
        f->unit > GOEVD_METRIC_NANOSECONDS || f->configured_labels > f->label_count ||
        f->label_count > CATALOG_LABELS_MAX)
        return false;
    for (unsigned i = 0; i < f->label_count; i++)
        if (!catalog_word_is_valid(f->labels[i], "abcdefghijklmnopqrstuvwxyz_", CATALOG_NAME_MAX) ||
            strcmp(f->labels[i], "le") == 0)
            return false;
    return catalog_name_is_valid(f) && catalog_help_is_valid(f->help) &&
           catalog_bounds_are_valid(f);
}

bool
catalog_describe(const struct goevd_metric *of, unsigned own, struct catalog_family *ret)
{
    unsigned count = 0;

    while (count < GOEVD_METRIC_LABELS_MAX && of->labels[count])
        count++;
    if (of->labels[count] || of->bound_count > CATALOG_BOUNDS_MAX ||
        of->configured_labels > count || (of->bound_count > 0 && !of->bounds))
        return false;
    *ret = (struct catalog_family){
        .name = of->name,
        .help = of->help,
        .type = of->type,
        .unit = of->unit,
        .label_count = own + count,
        .configured_labels = own + of->configured_labels,
        .bound_count = of->bound_count,
    };
    memcpy(ret->labels + own, of->labels, count * sizeof(*ret->labels));
    if (of->bound_count > 0)
        memcpy(ret->bounds, of->bounds, of->bound_count * sizeof(*ret->bounds));
    return true;
}

/* ---- Writing --------------------------------------------------------------------------------- */

void
catalog_print_family(FILE *out, const struct catalog_family *f)
{
    fprintf(out, "family\t%s\t%s\t%d\t%d\t%u\t", f->name, f->help, f->type, f->unit,
            f->configured_labels);
    for (unsigned i = 0; i < f->bound_count; i++)
        fprintf(out, "%s%" PRIu64, i > 0 ? "," : "", f->bounds[i]);
    for (unsigned i = 0; i < f->label_count; i++)
        fprintf(out, "\t%s", f->labels[i]);
    fputc('\n', out);
}

void
catalog_print_series(FILE *out, const struct catalog_family *f, const struct catalog_series *s)
{
    fprintf(out, "series\t%zu\t%zu\t%u", s->offset, s->stride, s->blocks);
    for (unsigned i = 0; i < f->label_count; i++)
        fprintf(out, "\t%s", s->values[i]);
    fputc('\n', out);
}

/* ---- Reading --------------------------------------------------------------------------------- */

#define WORDS_MAX (7 + CATALOG_LABELS_MAX)

/* The words of a line, cut where they lie. Returns how many; one more than WORDS_MAX if too many.
 */
static unsigned
catalog_split(char *line, char *ret_words[WORDS_MAX])
{
    unsigned count = 0;

    for (char *next = line; next; count++) {
        char *word = next, *tab = strchr(next, '\t');

        next = tab ? tab + 1 : NULL;
        if (tab)
            *tab = '\0';
        if (count == WORDS_MAX)
            return WORDS_MAX + 1;
        ret_words[count] = word;
    }
    return count;
}

/* A whole word of decimal digits, up to max. */
static bool
catalog_number(const char *word, uint64_t max, uint64_t *ret)
{
    char *end;

    if (*word < '0' || *word > '9')
        return false;
    errno = 0;
    *ret = strtoull(word, &end, 10);
    return errno == 0 && *end == '\0' && *ret <= max;
}

static bool
catalog_parse_bounds(struct catalog_family *f, char *list)
{
    char *next = *list ? list : NULL;

    while (next) {
        char *bound = next, *comma = strchr(next, ',');

        next = comma ? comma + 1 : NULL;
        if (comma)
            *comma = '\0';
        if (f->bound_count == CATALOG_BOUNDS_MAX ||
            !catalog_number(bound, UINT64_MAX, &f->bounds[f->bound_count++]))
            return false;
    }
    return true;
}

static int
catalog_parse_family(struct catalog *c, char *const *words, unsigned count)
{
    struct catalog_family f = {0}, *all;
    uint64_t type, unit, configured;

    if (count < 7 || c->family_count == CATALOG_FAMILIES_MAX ||
        !catalog_number(words[3], GOEVD_METRIC_HISTOGRAM, &type) ||
        !catalog_number(words[4], GOEVD_METRIC_NANOSECONDS, &unit) ||
        !catalog_number(words[5], CATALOG_LABELS_MAX, &configured) ||
        !catalog_parse_bounds(&f, words[6]))
        return -EBADMSG;
    f.name = words[1];
    f.help = words[2];
    f.type = (enum goevd_metric_type)type;
    f.unit = (enum goevd_metric_unit)unit;
    f.configured_labels = (unsigned)configured;
    f.label_count = count - 7;
    memcpy(f.labels, words + 7, f.label_count * sizeof(*f.labels));
    if (!catalog_family_is_valid(&f))
        return -EBADMSG;
    all = realloc(c->families, (c->family_count + 1) * sizeof(*all));
    if (!all)
        return -ENOMEM;
    c->families = all;
    all[c->family_count++] = f;
    return 0;
}

static bool
catalog_value_is_valid(const char *value)
{
    if (strlen(value) > CATALOG_VALUE_MAX)
        return false;
    for (const char *p = value; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            return false;
    return true;
}

/* Whether all cells lie within `size` bytes, and are aligned. */
static bool
catalog_cells_fit(const struct catalog_series *s, unsigned cells, size_t size)
{
    size_t bytes = cells * sizeof(uint64_t);

    return s->blocks > 0 && s->offset % sizeof(uint64_t) == 0 &&
           s->stride % sizeof(uint64_t) == 0 && s->offset <= size && bytes <= size - s->offset &&
           (s->blocks == 1 || s->stride <= (size - s->offset - bytes) / (s->blocks - 1));
}

static int
catalog_parse_series(struct catalog *c, char *const *words, unsigned count, size_t size)
{
    const struct catalog_family *f = c->family_count ? &c->families[c->family_count - 1] : NULL;
    struct catalog_series s = {.family = c->family_count - 1}, *all;
    uint64_t offset, stride, blocks;

    if (!f || count != 4 + f->label_count || c->series_count == CATALOG_SERIES_MAX ||
        !catalog_number(words[1], size, &offset) || !catalog_number(words[2], size, &stride) ||
        !catalog_number(words[3], UINT32_MAX, &blocks))
        return -EBADMSG;
    s.offset = offset;
    s.stride = stride;
    s.blocks = (unsigned)blocks;
    for (unsigned i = 0; i < f->label_count; i++) {
        s.values[i] = words[4 + i];
        if (!catalog_value_is_valid(s.values[i]))
            return -EBADMSG;
    }
    if (!catalog_cells_fit(&s, catalog_cells(f), size))
        return -EBADMSG;
    if ((c->series_count & (c->series_count - 1)) == 0) { /* a power of two: it is full */
        all = realloc(c->series, (c->series_count ? 2 * c->series_count : 1) * sizeof(*all));
        if (!all)
            return -ENOMEM;
        c->series = all;
    }
    c->series[c->series_count++] = s;
    return 0;
}

static int
catalog_parse_line(struct catalog *c, char *line, size_t size)
{
    char *words[WORDS_MAX];
    unsigned count = catalog_split(line, words);

    if (count > WORDS_MAX)
        return -EBADMSG;
    if (strcmp(words[0], "family") == 0)
        return catalog_parse_family(c, words, count);
    if (strcmp(words[0], "series") == 0)
        return catalog_parse_series(c, words, count, size);
    return -EBADMSG;
}

int
catalog_parse(struct catalog *c, const char *text, size_t len, size_t size)
{
    int r = 0;

    *c = (struct catalog){0};
    if (len > CATALOG_BYTES_MAX)
        return -EBADMSG;
    c->text = strndup(text, len); /* first, because a process at fault may change the original */
    if (!c->text)
        return -ENOMEM;
    for (char *line = c->text; r == 0 && *line;) {
        char *end = strchr(line, '\n');

        if (!end) {
            r = -EBADMSG;
            break;
        }
        *end = '\0';
        r = catalog_parse_line(c, line, size);
        line = end + 1;
    }
    if (r < 0)
        catalog_fini(c);
    return r;
}

void
catalog_fini(struct catalog *c)
{
    free(c->text);
    free(c->families);
    free(c->series);
    *c = (struct catalog){0};
}
