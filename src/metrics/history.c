#include "metrics/history.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"

/* ---- Its memory ------------------------------------------------------------------------------ */

void
history_init(struct history *h, struct reader *reader, struct registry *registry)
{
    struct counts_head *head = counts_head(&registry->counts);

    *h = (struct history){.reader = reader};
    pthread_mutex_init(&h->lock, NULL);
    h->ring = counts_alloc(&registry->counts, sizeof(*h->ring));
    if (h->ring)
        atomic_store(&head->history_offset, counts_offset(&registry->counts, h->ring));
}

void
history_fini(struct history *h)
{
    for (size_t i = 0; i < ARRAY_LEN(h->views); i++)
        view_fini(&h->views[i].view);
    pthread_mutex_destroy(&h->lock);
}

const struct history_point *
history_point(const struct history *h, uint64_t n)
{
    uint64_t count = h->ring ? h->ring->count : 0, kept = MIN(count, (uint64_t)HISTORY_POINTS);

    return n < kept ? &h->ring->points[(count - kept + n) % HISTORY_POINTS] : NULL;
}

static const struct history_point *
history_last(const struct history *h)
{
    uint64_t count = h->ring ? h->ring->count : 0;

    return count ? &h->ring->points[(count - 1) % HISTORY_POINTS] : NULL;
}

static void
history_add(struct history *h, const struct history_point *p)
{
    const struct history_point *last = history_last(h);

    if (!h->ring || (last && p->at_ns <= last->at_ns))
        return;
    h->ring->points[h->ring->count++ % HISTORY_POINTS] = *p;
}

/* ---- The worker before ----------------------------------------------------------------------- */

/* The numbers of another worker; NULL if it has none. */
static const struct history_ring *
history_of(const struct counts *counts)
{
    bool known = counts->base && counts_is_known(counts);
    uint64_t at = known ? atomic_load(&counts_head(counts)->history_offset) : 0;

    if (!at || at > counts->size - sizeof(struct history_ring) || at % sizeof(uint64_t))
        return NULL;
    return (const struct history_ring *)(const void *)(counts->base + at);
}

/* The other worker may be writing, so a point that is not later than the one before it is left out.
 */
static void
history_copy(struct history *h, const struct history_ring *from, uint64_t now_ns)
{
    uint64_t count = from->count, kept = MIN(count, (uint64_t)HISTORY_POINTS);

    for (uint64_t n = count - kept; n < count; n++) {
        struct history_point p = from->points[n % HISTORY_POINTS];

        if (p.at_ns < now_ns && now_ns - p.at_ns < HISTORY_NS)
            history_add(h, &p);
    }
}

void
history_inherit(struct history *h, uint64_t now_ns)
{
    const struct history_ring *found = NULL;
    uint64_t latest = 0;

    pthread_mutex_lock(&h->lock);
    pthread_mutex_lock(&h->reader->lock);
    for (size_t i = 0; i < COUNTS_MAX; i++) {
        const struct history_ring *ring = history_of(&h->reader->peers[i].counts);
        uint64_t at =
            ring && ring->count ? ring->points[(ring->count - 1) % HISTORY_POINTS].at_ns : 0;

        if (at > latest) {
            latest = at;
            found = ring;
        }
    }
    if (found)
        history_copy(h, found, now_ns);
    pthread_mutex_unlock(&h->reader->lock);
    pthread_mutex_unlock(&h->lock);
}

/* ---- Numbers --------------------------------------------------------------------------------- */

/* The sum of the first cells of a family: of all its series, or of those with this label value. */
static uint64_t
history_sum(const struct view *v, const char *name, const char *value)
{
    const struct view_family *f = view_find_family(v, name);
    uint64_t sum = 0;

    for (const struct view_series *s = f ? f->first : NULL; s; s = s->next) {
        bool wanted = !value;

        for (unsigned i = 0; !wanted && i < f->about.label_count; i++)
            wanted = strcmp(s->values[i], value) == 0;
        sum += wanted ? s->cells[0] : 0;
    }
    return sum;
}

void
history_growth(const struct view *before, const struct view_family *family,
               const struct view_series *now, uint64_t ret_cells[CATALOG_BOUNDS_MAX + 2])
{
    const struct view_series *old = family ? view_find(before, family, now->values) : NULL;
    unsigned cells = catalog_cells(&now->family->about);

    if (old && catalog_cells(&family->about) != cells)
        old = NULL;
    for (unsigned i = 0; i < cells; i++) {
        uint64_t was = old ? old->cells[i] : 0;

        ret_cells[i] = now->cells[i] > was ? now->cells[i] - was : 0;
    }
}

uint64_t
history_quantile(const struct catalog_family *f, const uint64_t *cells, unsigned permille)
{
    uint64_t total = 0, below = 0, lower = 0;
    double rank;

    for (unsigned b = 0; b <= f->bound_count; b++)
        total += cells[1 + b];
    rank = (double)total * permille / 1000;
    for (unsigned b = 0; total && b < f->bound_count; b++) {
        uint64_t here = cells[1 + b];

        if (here && (double)(below + here) >= rank)
            return lower + (uint64_t)((double)(f->bounds[b] - lower) *
                                      ((rank - (double)below) / (double)here));
        below += here;
        lower = f->bounds[b];
    }
    return total ? lower : 0; /* above all bounds: at least the last one */
}

/* How long requests took between two views. */
static void
history_durations(const struct view *before, const struct view *now, struct history_point *ret)
{
    const struct view_family *f = view_find_family(now, HISTORY_DURATION_FAMILY);
    const struct view_family *old = view_find_family(before, HISTORY_DURATION_FAMILY);
    uint64_t cells[CATALOG_BOUNDS_MAX + 2], sum[CATALOG_BOUNDS_MAX + 2] = {0};

    if (!f || f->about.type != GOEVD_METRIC_HISTOGRAM)
        return;
    for (const struct view_series *s = f->first; s; s = s->next) {
        history_growth(before, old, s, cells);
        for (unsigned i = 0; i < catalog_cells(&f->about); i++)
            sum[i] += cells[i];
    }
    ret->p50_ns = history_quantile(&f->about, sum, 500);
    ret->p99_ns = history_quantile(&f->about, sum, 990);
}

/* ---- Sampling -------------------------------------------------------------------------------- */

/* Make place for the newest view: the middle one becomes the oldest once it is old enough. */
static void
history_shift(struct history *h, uint64_t now_ns)
{
    if (h->views[2].at_ns && now_ns - h->views[1].at_ns < HISTORY_BASE_NS) {
        view_fini(&h->views[2].view);
        return;
    }
    view_fini(&h->views[0].view);
    memmove(&h->views[0], &h->views[1], 2 * sizeof(h->views[0]));
}

static void
history_take(struct history *h, const struct view *v, uint64_t open, uint64_t now_ns)
{
    struct history_point p = {
        .at_ns = now_ns,
        .totals = {[HISTORY_REQUESTS] = history_sum(v, HISTORY_REQUESTS_FAMILY, NULL),
                   [HISTORY_ERRORS] = history_sum(v, HISTORY_REQUESTS_FAMILY, HISTORY_FAILED),
                   [HISTORY_ACCEPTED] = history_sum(v, "goevd_connections_accepted_total", NULL),
                   [HISTORY_RECEIVED] = history_sum(v, "goevd_received_bytes_total", NULL),
                   [HISTORY_SENT] = history_sum(v, "goevd_sent_bytes_total", NULL)},
        .open = open};

    if (h->views[2].at_ns)
        history_durations(&h->views[2].view, v, &p);
    history_add(h, &p);
    history_shift(h, now_ns);
    h->views[2] = (struct history_view){now_ns, *v};
}

int
history_sample(struct history *h, uint64_t open, uint64_t now_ns)
{
    struct view v;
    int r = 0;

    pthread_mutex_lock(&h->lock);
    if (now_ns >= h->again_ns) {
        r = reader_take(h->reader, &v);
        if (r == 0)
            history_take(h, &v, open, now_ns);
        h->again_ns = now_ns + MAX(HISTORY_AGE_NS, HISTORY_SHARE * (clock_now_ns() - now_ns));
    }
    pthread_mutex_unlock(&h->lock);
    return r;
}

/* The earliest view that there is. */
double
history_views(const struct history *h, const struct view **ret_before, const struct view **ret_now)
{
    size_t first = 0;

    while (first < 2 && !h->views[first].at_ns)
        first++;
    *ret_before = &h->views[first].view;
    *ret_now = &h->views[2].view;
    return (double)(h->views[2].at_ns - h->views[first].at_ns) / NS_PER_S;
}
