#include "ev/timer_table.h"

#include <assert.h>
#include <errno.h>

#include "base/util.h"

#define BUCKETS_MIN 16
#define BUCKETS_A_TIMER 2 /* a bucket is 8 bytes, and a timer more in it a cache miss */

void
timer_table_fini(struct timer_table *table)
{
    assert(table->timers == 0);
    free(table->buckets);
    *table = (struct timer_table){0};
}

static uint64_t
timer_hash(const struct conn *conn, uint64_t cookie)
{
    uint64_t h = ((uintptr_t)conn >> 4) * UINT64_C(0x9e3779b97f4a7c15) + cookie;

    h = (h ^ h >> 32) * UINT64_C(0xd6e8feb86659fd93);
    return h ^ h >> 32;
}

/* Linear hashing: buckets below level that have been split already take one bit more. */
static struct conn_timer **
timer_table_bucket(const struct timer_table *table, const struct conn *conn, uint64_t cookie)
{
    uint64_t h = timer_hash(conn, cookie);
    size_t i = h & (2 * table->level - 1);

    return &table->buckets[i < table->count ? i : i - table->level];
}

void
timer_table_fetch(const struct timer_table *table, const struct conn *conn, uint64_t cookie)
{
    if (table->timers > 0)
        __builtin_prefetch(timer_table_bucket(table, conn, cookie), 1);
}

struct conn_timer *
timer_table_find(const struct timer_table *table, const struct conn *conn, uint64_t cookie)
{
    struct conn_timer *t;

    if (table->timers == 0)
        return NULL;
    t = *timer_table_bucket(table, conn, cookie);
    while (t && (t->cookie != cookie || t->conn != conn))
        t = t->bucket_next;
    return t;
}

/* Room for as many buckets again. realloc(3) moves a large array by its pages. */
static int
timer_table_reserve(struct timer_table *table)
{
    size_t level = table->level ? table->level * 2 : BUCKETS_MIN;
    struct conn_timer **buckets = realloc(table->buckets, 2 * level * sizeof(struct conn_timer *));

    if (!buckets)
        return -ENOMEM;
    table->buckets = buckets;
    table->level = level;
    for (; table->count < level; table->count++) /* only the first time */
        buckets[table->count] = NULL;
    return 0;
}

static void
timer_table_push(struct timer_table *table, struct conn_timer *t)
{
    struct conn_timer **bucket = timer_table_bucket(table, t->conn, t->cookie);

    t->bucket_next = *bucket;
    *bucket = t;
}

/* One bucket more: it takes its part of the one that stood for both. */
static int
timer_table_split(struct timer_table *table)
{
    struct conn_timer **both, *t;
    int r = table->count == 2 * table->level ? timer_table_reserve(table) : 0;

    if (r < 0)
        return r;
    both = &table->buckets[table->count - table->level];
    t = *both;
    *both = table->buckets[table->count++] = NULL;
    while (t) {
        struct conn_timer *next = t->bucket_next;

        timer_table_push(table, t);
        t = next;
    }
    return 0;
}

int
timer_table_add(struct timer_table *table, struct conn_timer *t)
{
    while (table->count < BUCKETS_A_TIMER * (table->timers + 1)) {
        int r = timer_table_split(table);

        if (r < 0)
            return r;
    }
    timer_table_push(table, t);
    table->timers++;
    return 0;
}

void
timer_table_remove(struct timer_table *table, struct conn_timer *t)
{
    struct conn_timer **link = timer_table_bucket(table, t->conn, t->cookie);

    while (*link != t)
        link = &(*link)->bucket_next;
    *link = t->bucket_next;
    table->timers--;
}
