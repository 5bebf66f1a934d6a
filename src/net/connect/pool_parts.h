/* Functions that the files of a connect pool share. All of them run on the pool's home. */
#pragma once

#include "net/connect/pool.h"

/* Bring its metrics up to date. */
void pool_count(struct pool *pool);

/* ---- Waiters: pool_waiter.c ------------------------------------------------------------------ */

/* Its fn follows, on the poller that asked. */
void pool_tell(struct pool_waiter *w, struct pool_link *link, int result);

/* Serve the oldest waiter; there is one. */
void pool_tell_first(struct pool *pool, struct pool_link *link, int result);

/* 0; -EAGAIN when waiting_max wait; or the timer's error. */
int pool_queue(struct pool *pool, struct pool_waiter *w);

/* ---- Connections that are ready or checked: pool_link.c -------------------------------------- */

/* Keep link->fd ready, and look after it. Negative: it is the caller's as before. */
int pool_link_keep(struct pool *pool, struct pool_link *link);

/* Stop watching it. Returns its fd, which is the caller's. */
int pool_link_take(struct pool *pool, struct pool_link *link);

/* It is one less. */
void pool_link_free(struct pool *pool, struct pool_link *link);

/* Take, close and free. */
void pool_drop(struct pool *pool, struct pool_link *link);

/* ---- Lending: pool.c ------------------------------------------------------------------------- */

/* It has been made, has come back, or has passed its check; link->fd is its socket. */
void pool_ready(struct pool *pool, struct pool_link *link);

/* The socket of a link that was lent comes back [any poller]; -1: it is closed. */
void pool_returned(struct transport_owner *owner, int fd, bool useless);

/* ---- Making: pool_make.c --------------------------------------------------------------------- */

/* Where one is missing, `growth` of them are made. */
void pool_grow(struct pool *pool);

/* A connection could not be made, or was of no use to anybody. Attempts pause for a while, longer
 * with each failure in a row. */
void pool_failed(struct pool *pool, int error);

/* A connection has served: the row of failures ends. */
void pool_proved(struct pool *pool, struct pool_link *link);

/* A caller waits: make the next attempt soon. */
void pool_hurry(struct pool *pool);

/* The timer between attempts that fail. */
void pool_retry(struct timer *t, uint64_t now_ns);
