#include "metrics/reader.h"

#include <errno.h>
#include <sched.h>
#include <string.h>

#define READER_ATTEMPTS 1000 /* a change of the totals takes less than a millisecond */

void
reader_init(struct reader *r, const struct registry *own)
{
    *r = (struct reader){.own = own};
    pthread_mutex_init(&r->lock, NULL);
}

static void
reader_peer_fini(struct reader_peer *peer)
{
    catalog_fini(&peer->catalog);
    counts_unmap(&peer->counts);
    *peer = (struct reader_peer){0};
}

void
reader_fini(struct reader *r)
{
    for (size_t i = 0; i < COUNTS_MAX; i++)
        reader_peer_fini(&r->peers[i]);
    counts_unmap(&r->totals);
    pthread_mutex_destroy(&r->lock);
}

/* ---- Others ---------------------------------------------------------------------------------- */

static bool
reader_is_live(const struct counts_head *head, uint64_t id)
{
    for (size_t i = 0; i < COUNTS_MAX; i++)
        if (atomic_load_explicit(&head->live[i], memory_order_relaxed) == id)
            return true;
    return false;
}

/* Those that the supervisor has added to its totals are of no use any more. */
static void
reader_forget(struct reader *r)
{
    for (size_t i = 0; i < COUNTS_MAX; i++)
        if (r->peers[i].id && !reader_is_live(counts_head(&r->totals), r->peers[i].id))
            reader_peer_fini(&r->peers[i]);
}

int
reader_set_totals(struct reader *r, int fd, struct err *reterr)
{
    int result;

    pthread_mutex_lock(&r->lock);
    counts_unmap(&r->totals);
    result = counts_map(&r->totals, fd, false, reterr);
    pthread_mutex_unlock(&r->lock);
    return result;
}

int
reader_add_peer(struct reader *r, uint64_t id, int fd, struct err *reterr)
{
    int result = -ENOSPC;

    pthread_mutex_lock(&r->lock);
    if (r->totals.base)
        reader_forget(r);
    for (size_t i = 0; i < COUNTS_MAX; i++) {
        struct reader_peer *peer = &r->peers[i];

        if (peer->id)
            continue;
        result = counts_map(&peer->counts, fd, false, reterr);
        if (result == 0)
            peer->id = id;
        break;
    }
    pthread_mutex_unlock(&r->lock);
    return result == -ENOSPC ? err_set(reterr, result, "too many workers count") : result;
}

/* ---- Reading --------------------------------------------------------------------------------- */

/* One that has not begun to count has no catalog; the worker of another version has none that is
 * understood. Both are left out. */
static int
reader_add_living(struct reader_peer *peer, struct view *v)
{
    if (!peer->read)
        peer->read = counts_read_catalog(&peer->counts, &peer->catalog) == 0;
    return peer->read ? view_add(v, &peer->catalog, peer->counts.base, true) : 0;
}

static int
reader_add_totals(const struct counts *totals, struct view *v)
{
    struct catalog catalog;
    int r = counts_read_catalog(totals, &catalog);

    if (r < 0)
        return r == -ENOMEM ? r : 0; /* nothing has ended yet, or the catalog is being changed */
    r = view_add(v, &catalog, totals->base, false);
    catalog_fini(&catalog);
    return r;
}

static int
reader_add_others(struct reader *r, struct view *v)
{
    const struct counts_head *head = counts_head(&r->totals);
    int result = 0;

    for (size_t i = 0; i < COUNTS_MAX && result == 0; i++)
        if (r->peers[i].id && reader_is_live(head, r->peers[i].id))
            result = reader_add_living(&r->peers[i], v);
    return result == 0 ? reader_add_totals(&r->totals, v) : result;
}

static int
reader_add_own(const struct registry *own, struct view *v)
{
    struct catalog catalog;
    int r = counts_read_catalog(&own->counts, &catalog);

    if (r < 0)
        return r;
    r = view_init(v, &catalog);
    if (r == 0)
        r = view_add(v, &catalog, own->counts.base, true);
    catalog_fini(&catalog);
    return r;
}

static int
reader_try(struct reader *r, struct view *v)
{
    struct counts_head *head = r->totals.base ? counts_head(&r->totals) : NULL;
    uint64_t before = head ? atomic_load(&head->sequence) : 0;
    int result;

    if (before % 2)
        return -EAGAIN;
    result = reader_add_own(r->own, v);
    if (result == 0 && head)
        result = reader_add_others(r, v);
    atomic_thread_fence(memory_order_seq_cst);
    if (result == 0 && head && atomic_load(&head->sequence) != before)
        result = -EAGAIN;
    if (result < 0)
        view_fini(v);
    return result;
}

int
reader_take(struct reader *r, struct view *ret)
{
    int result = -EAGAIN;

    pthread_mutex_lock(&r->lock);
    for (unsigned i = 0; i < READER_ATTEMPTS && result == -EAGAIN; i++) {
        *ret = (struct view){0};
        result = reader_try(r, ret);
        if (result == -EAGAIN)
            sched_yield();
    }
    pthread_mutex_unlock(&r->lock);
    return result;
}

int
reader_read_facts(struct reader *r, char ret[COUNTS_FACTS_MAX])
{
    int result;

    pthread_mutex_lock(&r->lock);
    result = r->totals.base ? counts_read_facts(&r->totals, ret) : -EAGAIN;
    pthread_mutex_unlock(&r->lock);
    return result;
}
