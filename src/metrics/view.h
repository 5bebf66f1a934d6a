/* A view: the sum of the counts of all workers, those that have ended included. It owns its parts.
 */
#pragma once

#include "metrics/catalog.h"

struct view_series {
    struct view_series *next;      /* of the same family, in the order in which they came */
    struct view_series *collision; /* in the same bucket of the table */
    struct view_family *family;
    uint32_t hash;
    const char *values[CATALOG_LABELS_MAX];
    uint64_t *cells;

    /* In a registry: the owner that has added it, and the place of its cells. */
    const void *owner;
    int number;
    size_t offset;
    size_t stride;
    unsigned blocks;
};

struct view_family {
    struct catalog_family about; /* its strings are the view's own */
    struct view_series *first, *last;
    size_t count;
};

struct view {
    struct view_family **families;
    size_t family_count;
    struct view_series **table;
    size_t table_size; /* a power of two */
    size_t series_count;
    size_t left_out; /* series for which there was no room: CATALOG_SERIES_MAX is reached */
};

/* Begin with the series of a catalog, at zero; NULL: with none. -ENOMEM. */
int view_init(struct view *v, const struct catalog *names);
void view_fini(struct view *v);

/* The parts of a view: find the one with this name, or these values, or make it. NULL if there is
 * none; of the two that make something: if there is no memory, or with it CATALOG_SERIES_MAX. */
struct view_family *view_find_family(const struct view *v, const char *name);
struct view_family *view_new_family(struct view *v, const struct catalog_family *about);
struct view_series *view_find(const struct view *v, const struct view_family *f,
                              const char *const *values);
struct view_series *view_new_series(struct view *v, struct view_family *f,
                                    const char *const *values);

/* Add the values of a counts. A series that is not among the present ones, and whose family has
 * configured labels, is added to the one that has "other" for these. Of a process that has ended
 * the gauges are left out. -ENOMEM. */
int view_add(struct view *v, const struct catalog *c, const char *base, bool living);

/* Add another view without its gauges, by the same rule. -ENOMEM. */
int view_add_view(struct view *v, const struct view *other);

/* The value of a series that is no histogram, of these label values; 0 if there is none. */
uint64_t view_value(const struct view *v, const char *family, const char *const *values);

/* Of a histogram: how many values, and how many lie at or below the bound with this index. */
uint64_t view_observed(const struct view_series *s);

/* The catalog of these names. */
void view_print_catalog(const struct view *v, FILE *out);
