#include "metrics/view.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#define VIEW_OTHER "other"
#define VIEW_TABLE_MIN 64

/* ---- Finding --------------------------------------------------------------------------------- */

static uint32_t
view_hash_text(uint32_t hash, const char *text)
{
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 16777619; /* FNV-1a */
    return hash * 16777619;
}

static uint32_t
view_hash(const struct catalog_family *f, const char *const *values)
{
    uint32_t hash = view_hash_text(2166136261, f->name);

    for (unsigned i = 0; i < f->label_count; i++)
        hash = view_hash_text(hash, values[i]);
    return hash;
}

static bool
view_series_is(const struct view_series *s, const struct view_family *f, const char *const *values)
{
    if (s->family != f)
        return false;
    for (unsigned i = 0; i < f->about.label_count; i++)
        if (strcmp(s->values[i], values[i]) != 0)
            return false;
    return true;
}

struct view_series *
view_find(const struct view *v, const struct view_family *f, const char *const *values)
{
    uint32_t hash = view_hash(&f->about, values);
    struct view_series *s = v->table_size ? v->table[hash & (v->table_size - 1)] : NULL;

    while (s && !(s->hash == hash && view_series_is(s, f, values)))
        s = s->collision;
    return s;
}

struct view_family *
view_find_family(const struct view *v, const char *name)
{
    for (size_t i = 0; i < v->family_count; i++)
        if (strcmp(v->families[i]->about.name, name) == 0)
            return v->families[i];
    return NULL;
}

/* ---- Making ---------------------------------------------------------------------------------- */

struct view_family *
view_new_family(struct view *v, const struct catalog_family *about)
{
    size_t name = strlen(about->name) + 1, help = strlen(about->help) + 1, labels = 0;
    struct view_family *f, **all;
    char *text;

    all = realloc(v->families, (v->family_count + 1) * sizeof(*all));
    if (!all)
        return NULL;
    v->families = all;
    for (unsigned i = 0; i < about->label_count; i++)
        labels += strlen(about->labels[i]) + 1;
    f = calloc(1, sizeof(*f) + name + help + labels);
    if (!f)
        return NULL;
    text = (char *)(f + 1);
    f->about = *about;
    f->about.name = memcpy(text, about->name, name);
    f->about.help = memcpy(text + name, about->help, help);
    text += name + help;
    for (unsigned i = 0; i < about->label_count; i++) {
        f->about.labels[i] = strcpy(text, about->labels[i]);
        text += strlen(text) + 1;
    }
    all[v->family_count++] = f;
    return f;
}

static int
view_grow(struct view *v)
{
    size_t size = MAX(2 * v->table_size, VIEW_TABLE_MIN);
    struct view_series **table = calloc(size, sizeof(*table));

    if (!table)
        return -ENOMEM;
    for (size_t i = 0; i < v->table_size; i++)
        for (struct view_series *s = v->table[i], *next; s; s = next) {
            next = s->collision;
            s->collision = table[s->hash & (size - 1)];
            table[s->hash & (size - 1)] = s;
        }
    free(v->table);
    v->table = table;
    v->table_size = size;
    return 0;
}

/* The series, its cells and its strings in one block. */
static struct view_series *
view_alloc_series(const struct catalog_family *about, const char *const *values)
{
    size_t cells = catalog_cells(about) * sizeof(uint64_t), text_len = 0;
    struct view_series *s;
    char *text;

    for (unsigned i = 0; i < about->label_count; i++)
        text_len += strlen(values[i]) + 1;
    s = calloc(1, sizeof(*s) + cells + text_len);
    if (!s)
        return NULL;
    s->cells = (uint64_t *)(void *)(s + 1);
    text = (char *)(s + 1) + cells;
    for (unsigned i = 0; i < about->label_count; i++) {
        s->values[i] = strcpy(text, values[i]);
        text += strlen(text) + 1;
    }
    return s;
}

struct view_series *
view_new_series(struct view *v, struct view_family *f, const char *const *values)
{
    struct view_series *s, **bucket;

    if (v->series_count == CATALOG_SERIES_MAX) {
        v->left_out++;
        return NULL;
    }
    if (v->series_count >= v->table_size && view_grow(v) < 0)
        return NULL;
    s = view_alloc_series(&f->about, values);
    if (!s)
        return NULL;
    s->family = f;
    s->hash = view_hash(&f->about, values);
    bucket = &v->table[s->hash & (v->table_size - 1)];
    s->collision = *bucket;
    *bucket = s;
    *(f->last ? &f->last->next : &f->first) = s;
    f->last = s;
    f->count++;
    v->series_count++;
    return s;
}

void
view_fini(struct view *v)
{
    for (size_t i = 0; i < v->family_count; i++) {
        for (struct view_series *s = v->families[i]->first, *next; s; s = next) {
            next = s->next;
            free(s);
        }
        free(v->families[i]);
    }
    free(v->families);
    free(v->table);
    *v = (struct view){0};
}

int
view_init(struct view *v, const struct catalog *names)
{
    *v = (struct view){0};
    for (size_t i = 0; names && i < names->series_count; i++) {
        const struct catalog_series *s = &names->series[i];
        const struct catalog_family *about = &names->families[s->family];
        struct view_family *f = view_find_family(v, about->name);

        if (!f)
            f = view_new_family(v, about);
        if (!f || (!view_find(v, f, s->values) && !view_new_series(v, f, s->values))) {
            view_fini(v);
            return -ENOMEM;
        }
    }
    return 0;
}

/* ---- Adding ---------------------------------------------------------------------------------- */

static bool
view_families_agree(const struct catalog_family *a, const struct catalog_family *b)
{
    if (a->type != b->type || a->unit != b->unit || a->label_count != b->label_count)
        return false;
    for (unsigned i = 0; i < a->label_count; i++)
        if (strcmp(a->labels[i], b->labels[i]) != 0)
            return false;
    return true;
}

/* Which series of the view the values of another one go to. NULL, with 0, if there is no place. */
static int
view_place(struct view *v, const struct catalog_family *about, const char *const *values,
           struct view_series **ret)
{
    const char *others[CATALOG_LABELS_MAX];
    struct view_family *f = view_find_family(v, about->name);

    *ret = NULL;
    if (f && !view_families_agree(&f->about, about))
        return 0;
    if (!f)
        f = view_new_family(v, about);
    if (!f)
        return -ENOMEM;
    *ret = view_find(v, f, values);
    if (*ret)
        return 0;
    for (unsigned i = 0; i < about->label_count; i++)
        others[i] = i < f->about.configured_labels ? VIEW_OTHER : values[i];
    *ret = view_find(v, f, others);
    if (!*ret)
        *ret = view_new_series(v, f, others);
    return *ret || v->series_count == CATALOG_SERIES_MAX ? 0 : -ENOMEM;
}

/* Bounds that have changed: a count goes to the next bound above. */
static void
view_add_cells(struct view_series *to, const struct catalog_family *from, const uint64_t *cells)
{
    const struct catalog_family *about = &to->family->about;
    unsigned b = 0;

    to->cells[0] += cells[0];
    for (unsigned i = 0; i + 1 < catalog_cells(from); i++) {
        while (b < about->bound_count &&
               (i == from->bound_count || about->bounds[b] < from->bounds[i]))
            b++;
        to->cells[1 + b] += cells[1 + i];
    }
}

static void
view_sum(const struct catalog_series *s, unsigned cells, const char *base, uint64_t *ret)
{
    memset(ret, 0, cells * sizeof(*ret));
    for (unsigned block = 0; block < s->blocks; block++) {
        const _Atomic uint64_t *from =
            (const _Atomic uint64_t *)(const void *)(base + s->offset + block * s->stride);

        for (unsigned i = 0; i < cells; i++)
            ret[i] += atomic_load_explicit(&from[i], memory_order_relaxed);
    }
}

int
view_add(struct view *v, const struct catalog *c, const char *base, bool living)
{
    uint64_t cells[CATALOG_BOUNDS_MAX + 2];

    for (size_t i = 0; i < c->series_count; i++) {
        const struct catalog_series *s = &c->series[i];
        const struct catalog_family *about = &c->families[s->family];
        struct view_series *to;

        if (about->type == GOEVD_METRIC_GAUGE && !living)
            continue;
        if (view_place(v, about, s->values, &to) < 0)
            return -ENOMEM;
        if (!to)
            continue;
        view_sum(s, catalog_cells(about), base, cells);
        view_add_cells(to, about, cells);
    }
    return 0;
}

int
view_add_view(struct view *v, const struct view *other)
{
    for (size_t i = 0; i < other->family_count; i++) {
        const struct view_family *f = other->families[i];

        for (const struct view_series *s = f->first; s; s = s->next) {
            struct view_series *to;

            if (f->about.type == GOEVD_METRIC_GAUGE)
                continue;
            if (view_place(v, &f->about, s->values, &to) < 0)
                return -ENOMEM;
            if (to)
                view_add_cells(to, &f->about, s->cells);
        }
    }
    return 0;
}

/* ---- Reading --------------------------------------------------------------------------------- */

uint64_t
view_value(const struct view *v, const char *family, const char *const *values)
{
    const struct view_family *f = view_find_family(v, family);
    const struct view_series *s = f ? view_find(v, f, values) : NULL;

    return s ? s->cells[0] : 0;
}

uint64_t
view_observed(const struct view_series *s)
{
    uint64_t count = 0;

    for (unsigned i = 0; i <= s->family->about.bound_count; i++)
        count += s->cells[1 + i];
    return count;
}

void
view_print_catalog(const struct view *v, FILE *out)
{
    for (size_t i = 0; i < v->family_count; i++) {
        const struct view_family *f = v->families[i];

        catalog_print_family(out, &f->about);
        for (const struct view_series *s = f->first; s; s = s->next) {
            struct catalog_series line = {
                .family = i, .offset = s->offset, .stride = s->stride, .blocks = s->blocks};

            memcpy(line.values, s->values, sizeof(line.values));
            catalog_print_series(out, &f->about, &line);
        }
    }
}
