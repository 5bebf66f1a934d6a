#include "metrics/registry.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"

/* ---- Families -------------------------------------------------------------------------------- */

static bool
registry_families_are_same(const struct catalog_family *a, const struct catalog_family *b)
{
    if (strcmp(a->name, b->name) != 0 || strcmp(a->help, b->help) != 0 || a->type != b->type ||
        a->unit != b->unit || a->configured_labels != b->configured_labels ||
        a->label_count != b->label_count || a->bound_count != b->bound_count)
        return false;
    for (unsigned i = 0; i < a->label_count; i++)
        if (strcmp(a->labels[i], b->labels[i]) != 0)
            return false;
    return memcmp(a->bounds, b->bounds, a->bound_count * sizeof(*a->bounds)) == 0;
}

/* The one of that name, which has to be the same, or a new one. */
static int
registry_family(struct registry *r, const struct catalog_family *about, struct view_family **ret)
{
    if (!catalog_family_is_valid(about))
        return -EINVAL;
    *ret = view_find_family(&r->names, about->name);
    if (*ret)
        return registry_families_are_same(&(*ret)->about, about) ? 0 : -EINVAL;
    if (r->names.family_count == CATALOG_FAMILIES_MAX)
        return -ENOSPC;
    *ret = view_new_family(&r->names, about);
    return *ret ? 0 : -ENOMEM;
}

/* ---- Values of labels ------------------------------------------------------------------------ */

/* How many bytes one character of UTF-8 has; 0 if it is none. */
static size_t
registry_char_len(const unsigned char *c)
{
    size_t len = *c < 0x80                 ? 1
                 : *c >= 0xc2 && *c < 0xe0 ? 2
                 : (*c & 0xf0) == 0xe0     ? 3
                 : *c >= 0xf0 && *c < 0xf5 ? 4
                                           : 0;

    for (size_t i = 1; i < len; i++)
        if ((c[i] & 0xc0) != 0x80)
            return 0;
    if ((*c == 0xe0 && c[1] < 0xa0) || (*c == 0xed && c[1] > 0x9f) || (*c == 0xf0 && c[1] < 0x90) ||
        (*c == 0xf4 && c[1] > 0x8f))
        return 0;
    return len;
}

/* Whatever may stand in no line, or is no UTF-8, becomes a question mark. */
static void
registry_clean(char *value)
{
    for (unsigned char *c = (unsigned char *)value; *c;) {
        size_t len = *c < ' ' || *c == 0x7f ? 0 : registry_char_len(c);

        if (len == 0)
            *c = '?';
        c += MAX(len, 1);
    }
}

/* ---- Series ---------------------------------------------------------------------------------- */

static int
registry_new_series(struct registry *r, struct view_family *f, const char *const *values,
                    struct view_series **ret)
{
    char clean[CATALOG_LABELS_MAX][CATALOG_VALUE_MAX + 1];
    const char *known[CATALOG_LABELS_MAX];

    for (unsigned i = 0; i < f->about.label_count; i++) {
        if (!values || !values[i] || strlen(values[i]) > CATALOG_VALUE_MAX)
            return -EINVAL;
        known[i] = strcpy(clean[i], values[i]);
        registry_clean(clean[i]);
    }
    if (view_find(&r->names, f, known))
        return -EEXIST;
    if (r->names.series_count == CATALOG_SERIES_MAX)
        return -ENOSPC;
    *ret = view_new_series(&r->names, f, known);
    return *ret ? 0 : -ENOMEM;
}

/* Its index; -ENOMEM. */
static int
registry_add_histogram(struct registry *r, const struct view_series *s)
{
    const struct view_series **all;

    all = realloc(r->histograms, (r->histogram_count + 1) * sizeof(*all));
    if (!all)
        return -ENOMEM;
    r->histograms = all;
    all[r->histogram_count] = s;
    return (int)r->histogram_count++;
}

int
registry_add(struct registry *r, const struct catalog_family *about, const char *const *values,
             const void *owner)
{
    struct view_family *f;
    struct view_series *s;
    int index = (int)r->cells, result = registry_family(r, about, &f);

    if (result == 0)
        result = registry_new_series(r, f, values, &s);
    if (result == 0 && about->type == GOEVD_METRIC_HISTOGRAM)
        result = index = registry_add_histogram(r, s);
    if (result < 0)
        return result;
    s->owner = owner;
    s->number = index << REGISTRY_TYPE_BITS | (int)about->type;
    s->offset = r->cells * sizeof(uint64_t); /* registry_start() adds where the blocks begin */
    r->cells += catalog_cells(&f->about);
    return s->number;
}

int
registry_add_at(struct registry *r, const struct catalog_family *about, const char *const *values,
                const void *cells, size_t stride, unsigned blocks)
{
    struct view_family *f;
    struct view_series *s;
    int result = registry_family(r, about, &f);

    if (result == 0)
        result = registry_new_series(r, f, values, &s);
    if (result < 0)
        return result;
    s->offset = counts_offset(&r->counts, cells);
    s->stride = stride;
    s->blocks = blocks;
    return 0;
}

const struct view_series *
registry_find(const struct registry *r, int number, const void *owner)
{
    for (size_t i = 0; i < r->names.family_count; i++)
        for (const struct view_series *s = r->names.families[i]->first; s; s = s->next)
            if (s->number == number && s->owner == owner)
                return s;
    return NULL;
}

/* ---- All of it ------------------------------------------------------------------------------- */

int
registry_init(struct registry *r, int fd, struct err *reterr)
{
    _cleanup_fd_ int own = -1;

    *r = (struct registry){0};
    if (fd < 0)
        fd = own = counts_create(reterr);
    return fd < 0 ? fd : counts_map(&r->counts, fd, true, reterr);
}

void
registry_fini(struct registry *r)
{
    view_fini(&r->names);
    free(r->histograms);
    counts_unmap(&r->counts);
    *r = (struct registry){0};
}

/* Each block begins a line of cache, so that its thread shares it with no other. */
static int
registry_place(struct registry *r, unsigned blocks)
{
    size_t stride = (r->cells * sizeof(uint64_t) + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
    char *cells = counts_alloc(&r->counts, stride * blocks);

    if (!cells)
        return -ENOSPC;
    for (unsigned b = 0; b < blocks; b++)
        r->blocks[b] = (_Atomic uint64_t *)(void *)(cells + b * stride);
    r->block_count = blocks;
    for (size_t i = 0; i < r->names.family_count; i++)
        for (struct view_series *s = r->names.families[i]->first; s; s = s->next) {
            if (s->blocks > 0)
                continue;
            s->offset += counts_offset(&r->counts, cells);
            s->stride = stride;
            s->blocks = blocks;
        }
    return 0;
}

int
registry_start(struct registry *r, unsigned blocks)
{
    _cleanup_free_ char *text = NULL;
    size_t len;
    FILE *out;

    assert(blocks > 0 && blocks <= REGISTRY_BLOCKS_MAX);
    if (registry_place(r, blocks) < 0)
        return -ENOSPC;
    out = open_memstream(&text, &len);
    if (!out)
        return -ENOMEM;
    view_print_catalog(&r->names, out);
    if (fclose(out) != 0)
        return -ENOMEM;
    return len == 0 ? 0 : counts_set_catalog(&r->counts, text, len);
}

uint64_t
registry_share(const struct registry *r, const struct view_series *s, unsigned block)
{
    const char *cell = r->counts.base + s->offset + block * s->stride;

    return atomic_load_explicit((const _Atomic uint64_t *)(const void *)cell, memory_order_relaxed);
}

void
registry_observe(const struct registry *r, unsigned block, int number, uint64_t value,
                 uint64_t times)
{
    const struct view_series *s = r->histograms[number >> REGISTRY_TYPE_BITS];
    const struct catalog_family *f = &s->family->about;
    _Atomic uint64_t *cells =
        (_Atomic uint64_t *)(void *)(r->counts.base + s->offset + block * s->stride);
    unsigned b = 0;

    assert(registry_type(number) == GOEVD_METRIC_HISTOGRAM);
    while (b < f->bound_count && value > f->bounds[b])
        b++;
    registry_count(&cells[0], value * times);
    registry_count(&cells[1 + b], times);
}
