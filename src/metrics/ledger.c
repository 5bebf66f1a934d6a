#include "metrics/ledger.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"

/* ---- The totals' memory ---------------------------------------------------------------------- */

/* Where the cells of each series go, one behind the other. NULL: they do not fit. */
static char *
ledger_place(struct ledger *l)
{
    size_t bytes = 0, start;
    char *cells;

    counts_reset(&l->totals);
    for (size_t i = 0; i < l->view.family_count; i++)
        bytes += l->view.families[i]->count * catalog_cells(&l->view.families[i]->about) *
                 sizeof(uint64_t);
    cells = counts_alloc(&l->totals, bytes);
    if (!cells)
        return NULL;
    start = counts_offset(&l->totals, cells);
    for (size_t i = 0; i < l->view.family_count; i++)
        for (struct view_series *s = l->view.families[i]->first; s; s = s->next) {
            s->offset = start;
            s->stride = 0;
            s->blocks = 1;
            start += catalog_cells(&s->family->about) * sizeof(uint64_t);
        }
    return cells;
}

static void
ledger_write_cells(struct ledger *l)
{
    for (size_t i = 0; i < l->view.family_count; i++)
        for (const struct view_series *s = l->view.families[i]->first; s; s = s->next)
            memcpy(l->totals.base + s->offset, s->cells,
                   catalog_cells(&s->family->about) * sizeof(uint64_t));
}

static void
ledger_write(struct ledger *l)
{
    _cleanup_free_ char *text = NULL;
    size_t len = 0;
    char *cells = ledger_place(l);
    FILE *out = cells ? open_memstream(&text, &len) : NULL;

    if (!out)
        return;
    view_print_catalog(&l->view, out);
    if (fclose(out) != 0 || len == 0)
        return;
    ledger_write_cells(l);
    counts_set_catalog(&l->totals, text, len);
}

/* Readers see all of a change or nothing: see struct counts_head. */
static void
ledger_publish(struct ledger *l)
{
    struct counts_head *head = counts_head(&l->totals);

    atomic_fetch_add(&head->sequence, 1);
    atomic_thread_fence(memory_order_seq_cst);
    for (size_t i = 0; i < COUNTS_MAX; i++)
        atomic_store_explicit(&head->live[i], l->entries[i].id, memory_order_relaxed);
    ledger_write(l);
    atomic_fetch_add(&head->sequence, 1);
}

int
ledger_init(struct ledger *l, struct err *reterr)
{
    int r;

    *l = (struct ledger){.fd = counts_create(reterr)};
    r = l->fd < 0 ? l->fd : counts_map(&l->totals, l->fd, true, reterr);
    if (r < 0)
        return r;
    counts_freeze(l->fd);
    ledger_publish(l);
    return 0;
}

/* ---- Workers --------------------------------------------------------------------------------- */

/* Its index; COUNTS_MAX if there is none. */
static size_t
ledger_index(const struct ledger *l, uint64_t id)
{
    size_t i = 0;

    while (i < COUNTS_MAX && l->entries[i].id != id)
        i++;
    return i;
}

static struct ledger_entry *
ledger_entry(struct ledger *l, uint64_t id)
{
    size_t i = ledger_index(l, id);

    return i < COUNTS_MAX ? &l->entries[i] : NULL;
}

static void
ledger_entry_fini(struct ledger_entry *e)
{
    catalog_fini(&e->catalog);
    counts_unmap(&e->counts);
    fd_close(e->fd);
    *e = (struct ledger_entry){0};
}

void
ledger_fini(struct ledger *l)
{
    for (size_t i = 0; i < COUNTS_MAX; i++)
        if (l->entries[i].id)
            ledger_entry_fini(&l->entries[i]);
    view_fini(&l->view);
    counts_unmap(&l->totals);
    fd_close(l->fd);
    *l = (struct ledger){.fd = -1};
}

uint64_t
ledger_open(struct ledger *l, struct err *reterr)
{
    struct ledger_entry *e = ledger_entry(l, 0);
    int fd = e ? counts_create(reterr) : err_set(reterr, -ENOSPC, "too many workers count");

    if (fd < 0)
        return 0;
    *e = (struct ledger_entry){.id = ++l->last_id, .fd = fd};
    if (counts_map(&e->counts, fd, false, reterr) < 0) {
        ledger_entry_fini(e);
        return 0;
    }
    ledger_publish(l); /* its id is live before another worker learns of it */
    return e->id;
}

int
ledger_fd(const struct ledger *l, uint64_t id)
{
    size_t i = id ? ledger_index(l, id) : COUNTS_MAX;

    return i < COUNTS_MAX ? l->entries[i].fd : -1;
}

/* The counts of series that are gone go to "other". Without memory the old names stay. */
static void
ledger_rename(struct ledger *l, const struct catalog *names)
{
    struct view renamed;

    if (view_init(&renamed, names) < 0)
        return;
    if (view_add_view(&renamed, &l->view) < 0) {
        view_fini(&renamed);
        return;
    }
    view_fini(&l->view);
    l->view = renamed;
}

int
ledger_ready(struct ledger *l, uint64_t id)
{
    struct ledger_entry *e = id ? ledger_entry(l, id) : NULL;
    int r;

    if (!e || e->named)
        return e ? 0 : -ENOENT;
    counts_freeze(e->fd);
    r = counts_read_catalog(&e->counts, &e->catalog);
    if (r < 0)
        return r;
    e->named = true;
    ledger_rename(l, &e->catalog);
    ledger_publish(l);
    return 0;
}

void
ledger_close(struct ledger *l, uint64_t id)
{
    struct ledger_entry *e = id ? ledger_entry(l, id) : NULL;

    if (!e)
        return;
    /* One that has died may have served although its READY was not read yet. */
    if (e->named || counts_read_catalog(&e->counts, &e->catalog) == 0)
        view_add(&l->view, &e->catalog, e->counts.base, false);
    ledger_entry_fini(e);
    ledger_publish(l);
}

void
ledger_count(struct ledger *l, const struct catalog_family *about, const char *const *values,
             uint64_t n)
{
    struct view_family *f = view_find_family(&l->view, about->name);
    struct view_series *s = NULL;

    if (!f)
        f = view_new_family(&l->view, about);
    if (f)
        s = view_find(&l->view, f, values);
    if (f && !s)
        s = view_new_series(&l->view, f, values);
    if (!s)
        return;
    s->cells[0] += n;
    ledger_publish(l);
}

void
ledger_set_facts(struct ledger *l, const char *text, size_t len)
{
    counts_set_facts(&l->totals, text, len);
}
