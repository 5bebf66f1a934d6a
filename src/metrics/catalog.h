/* The catalog of counts: the series, their names, and the places of their values. It is text, so
 * that processes of different builds understand each other:
 *
 *   family  NAME  HELP  TYPE  UNIT  CONFIGURED  BOUND,BOUND  LABEL  LABEL
 *   series  OFFSET  STRIDE  BLOCKS  VALUE  VALUE
 *
 * with tabs between the words, and the series of a family behind it. A series has one block of
 * cells for each poller, `stride` bytes apart. A reader trusts nothing in a catalog. */
#pragma once

#include <stdio.h>

#include <goevd/metrics.h>

#include "base/err.h"

#define CATALOG_BYTES_MAX ((size_t)16 << 20)
#define CATALOG_FAMILIES_MAX 1024
#define CATALOG_SERIES_MAX 16384
#define CATALOG_BOUNDS_MAX 64
#define CATALOG_NAME_MAX 128
#define CATALOG_HELP_MAX 256
#define CATALOG_VALUE_MAX 256                            /* of a label */
#define CATALOG_LABELS_MAX (2 + GOEVD_METRIC_LABELS_MAX) /* two of goevd's own, and a plugin's */

struct catalog_family {
    const char *name;
    const char *help;
    enum goevd_metric_type type;
    enum goevd_metric_unit unit;
    unsigned label_count;
    unsigned configured_labels;
    const char *labels[CATALOG_LABELS_MAX];
    unsigned bound_count; /* of a histogram */
    uint64_t bounds[CATALOG_BOUNDS_MAX];
};

struct catalog_series {
    size_t family; /* index */
    const char *values[CATALOG_LABELS_MAX];
    size_t offset;
    size_t stride;
    unsigned blocks;
};

struct catalog {
    char *text; /* all strings point into it */
    struct catalog_family *families;
    size_t family_count;
    struct catalog_series *series;
    size_t series_count;
};

/* How many cells of 8 bytes a series has in each block: a histogram the sum, a count for each
 * bound, and one for values above all of them. */
static inline unsigned
catalog_cells(const struct catalog_family *f)
{
    return f->type == GOEVD_METRIC_HISTOGRAM ? f->bound_count + 2 : 1;
}

/* A plugin's metric, behind `own` labels that the caller fills in. Nothing is copied. False if it
 * has too many labels or bounds. */
bool catalog_describe(const struct goevd_metric *of, unsigned own, struct catalog_family *ret);

/* Whether a family is as the public header asks. */
bool catalog_family_is_valid(const struct catalog_family *f);

void catalog_print_family(FILE *out, const struct catalog_family *f);
void catalog_print_series(FILE *out, const struct catalog_family *f,
                          const struct catalog_series *s);

/* Read `len` bytes, which it copies; cells must lie within `size` bytes. 0, -EBADMSG, -ENOMEM. */
int catalog_parse(struct catalog *c, const char *text, size_t len, size_t size);
void catalog_fini(struct catalog *c);
