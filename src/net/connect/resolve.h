/* The addresses of a host, looked up on the work pool: a name server may take its time. */
#pragma once

#include "ev/work.h"
#include "net/address.h"

#define RESOLVE_MAX 16 /* addresses of one host that are tried */

struct resolve;

/* On the poller that asked; not after resolve_free(). */
typedef void (*resolve_fn)(struct resolve *r, int result);

struct resolve {
    struct work work;
    struct address_host host;
    struct address addresses[RESOLVE_MAX];
    resolve_fn fn; /* NULL: nobody asks any more */
    void *arg;
    bool running;
};

/* [poller] `fn` is told how many addresses there are, or address_look_up()'s error. 0 with *ret;
 * -ENOMEM; what work_submit() says. */
int resolve_new(struct work_pool *pool, struct poller *p, const struct address_host *host,
                resolve_fn fn, void *arg, struct resolve **ret);

/* [poller] Also while it runs; NULL does nothing. */
void resolve_free(struct resolve *r);
