#include "plug/plug_metric.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "plug/instance.h"

/* ---- Names ----------------------------------------------------------------------------------- */

static bool
metric_name_is_good(const char *name)
{
    size_t len = name ? strlen(name) : 0;

    return len > 0 && len <= PLUG_METRIC_TEXT_MAX &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_.") == len;
}

/* Printed as it is, in lines and in JSON. */
static bool
metric_text_is_good(const char *text, size_t max)
{
    size_t len = text ? strlen(text) : 0;

    if (len == 0 || len > max)
        return false;
    for (size_t i = 0; i < len; i++)
        if (text[i] < ' ' || text[i] > '~' || text[i] == '"' || text[i] == '\\')
            return false;
    return true;
}

/* PLUGIN.NAME; PLUGIN[2].NAME where the plugin has several instances, counted from 0 in their order
 * of creation. */
static char *
metric_full_name(const struct instance *of, const char *name)
{
    const char *plugin = of->module->entry.name;
    unsigned count = 0, mine = 0;
    char *full_name;
    int n;

    for (const struct instance *i = of->plugins->instances; i; i = i->next) {
        if (i == of)
            mine = count;
        count += strcmp(i->module->entry.name, plugin) == 0;
    }
    n = count > 1 ? asprintf(&full_name, "%s[%u].%s", plugin, mine, name)
                  : asprintf(&full_name, "%s.%s", plugin, name);
    return n < 0 ? NULL : full_name;
}

/* 0; -EEXIST if the instance has one of that name, -ENOSPC if it has too many. */
static int
metric_check_room(const struct instance *i, const char *full_name)
{
    unsigned count = 0;

    for (const struct plug_metric *f = i->plugins->metrics.first; f; f = f->next) {
        if (strcmp(f->name, full_name) == 0)
            return -EEXIST;
        count += f->instance == i;
    }
    return count < PLUG_METRICS_MAX ? 0 : -ENOSPC;
}

/* ---- Making ---------------------------------------------------------------------------------- */

static struct plug_metric *
metric_alloc(const char *name, const char *unit, const char *help)
{
    size_t name_size = strlen(name) + 1, unit_size = strlen(unit) + 1, help_size = strlen(help) + 1;
    struct plug_metric *f = calloc(1, sizeof(*f) + name_size + unit_size + help_size);

    if (!f)
        return NULL;
    f->name = memcpy(f->text, name, name_size);
    f->unit = memcpy(f->text + name_size, unit, unit_size);
    f->help = memcpy(f->text + name_size + unit_size, help, help_size);
    return f;
}

static void
metric_append(struct plug_metrics *all, struct plug_metric *f)
{
    if (all->last)
        all->last->next = f;
    else
        all->first = f;
    all->last = f;
    all->count++;
    f->cell = all->cells;
    if (!f->read)
        all->cells += plug_metric_values(f);
}

int
plug_metric_new(struct instance *i, const struct plug_metric_about *about)
{
    _cleanup_free_ char *full_name = NULL;
    struct plug_metric *f;
    int r;

    if (!metric_name_is_good(about->name) ||
        !metric_text_is_good(about->unit, PLUG_METRIC_TEXT_MAX) ||
        !metric_text_is_good(about->help, PLUG_METRIC_HELP_MAX) ||
        about->type < GOEVD_METRIC_COUNTER || about->type > GOEVD_METRIC_HISTOGRAM)
        return -EINVAL;
    full_name = metric_full_name(i, about->name);
    if (!full_name)
        return -ENOMEM;
    r = metric_check_room(i, full_name);
    if (r < 0)
        return r;
    f = metric_alloc(full_name, about->unit, about->help);
    if (!f)
        return -ENOMEM;
    f->instance = i;
    f->type = about->type;
    f->read = about->read;
    f->offset = about->offset;
    metric_append(&i->plugins->metrics, f);
    return plug_metric_number(f);
}

int
plug_metrics_start(struct plugins *p)
{
    struct plug_metrics *all = &p->metrics;
    size_t bytes = (all->cells * sizeof(metric) + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;

    for (unsigned i = 0; bytes > 0 && poller_at(i); i++) {
        all->of[i] = aligned_alloc(CACHE_LINE, bytes);
        if (!all->of[i])
            return -ENOMEM;
        memset(all->of[i], 0, bytes);
    }
    return 0;
}

void
plug_metrics_fini(struct plugins *p)
{
    struct plug_metrics *all = &p->metrics;

    while (all->first) {
        struct plug_metric *f = all->first;

        all->first = f->next;
        free(f);
    }
    for (unsigned i = 0; i < POLLERS_MAX; i++)
        free(all->of[i]);
    *all = (struct plug_metrics){0};
}

/* ---- Reading --------------------------------------------------------------------------------- */

unsigned
plug_metric_values(const struct plug_metric *f)
{
    return f->type == GOEVD_METRIC_HISTOGRAM ? PLUG_METRIC_CELLS_MAX : 1;
}

uint64_t *
plug_metric_take(const struct plug_metric *f, struct poller *p, uint64_t *ret)
{
    const metric *cells = f->instance->plugins->metrics.of[p->index];

    if (f->read) {
        *ret = f->read(f, p);
        return ret + 1;
    }
    for (unsigned i = 0; i < plug_metric_values(f); i++)
        *ret++ = metric_get(&cells[f->cell + i]);
    return ret;
}

uint64_t
plug_metric_bucket_max(unsigned bucket)
{
    assert(bucket < PLUG_METRIC_BUCKETS);
    return bucket == 0 ? 0 : UINT64_MAX >> (64 - bucket);
}

unsigned
plug_metric_quantile(const uint64_t *buckets, unsigned permille)
{
    uint64_t total = 0, below = 0, rank;
    unsigned b = 0;

    for (unsigned i = 0; i < PLUG_METRIC_BUCKETS; i++)
        total += buckets[i];
    if (total == 0)
        return 0;
    /* Of n values in order, the one that is not below so many permille of them. */
    rank = total / 1000 * permille + (total % 1000 * permille + 999) / 1000;
    while (below + buckets[b] < MAX(rank, 1))
        below += buckets[b++];
    return b;
}
