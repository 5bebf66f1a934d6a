/* The timers of all handlers on one poller, found by connection and cookie however many there are.
 * The table grows by two buckets for each timer, so that no growth makes a poller wait. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "ev/timer.h"

struct conn;

struct conn_timer {
    struct timer timer;
    struct conn *conn;
    uint64_t cookie;
    uint64_t period_ns;              /* 0: once */
    struct conn_timer *next, **link; /* among those of the connection; the pointer to it */
    struct conn_timer *bucket_next;
};

/* Zeroed, it is empty. */
struct timer_table {
    struct conn_timer **buckets;
    size_t count; /* of buckets in use: at least two a timer */
    size_t level; /* the largest power of two that is not above count */
    size_t timers;
};

/* It is empty. */
void timer_table_fini(struct timer_table *table);

/* The timer of that name, or NULL. */
struct conn_timer *timer_table_find(const struct timer_table *table, const struct conn *conn,
                                    uint64_t cookie);

/* Add one whose conn and cookie are set and not in the table. 0; -ENOMEM. */
int timer_table_add(struct timer_table *table, struct conn_timer *t);

/* Let the processor begin to fetch where that one is looked for. */
void timer_table_fetch(const struct timer_table *table, const struct conn *conn, uint64_t cookie);

void timer_table_remove(struct timer_table *table, struct conn_timer *t);
