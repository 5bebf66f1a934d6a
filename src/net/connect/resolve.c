#include "net/connect/resolve.h"

#include <errno.h>

static int
resolve_run(struct work *w)
{
    struct resolve *r = container_of(w, struct resolve, work);

    return address_look_up(&r->host, false, r->addresses, RESOLVE_MAX, NULL);
}

static void
resolve_done(struct work *w, int result)
{
    struct resolve *r = container_of(w, struct resolve, work);

    r->running = false;
    if (r->fn)
        r->fn(r, result);
    else
        free(r);
}

int
resolve_new(struct work_pool *pool, struct poller *p, const struct address_host *host,
            resolve_fn fn, void *arg, struct resolve **ret)
{
    struct resolve *r = malloc(sizeof(*r));
    int error;

    if (!r)
        return -ENOMEM;
    r->work = (struct work){.run = resolve_run, .done = resolve_done, .poller = p};
    r->host = *host;
    r->fn = fn;
    r->arg = arg;
    r->running = true;
    error = work_submit(pool, &r->work);
    if (error < 0) {
        free(r);
        return error;
    }
    *ret = r;
    return 0;
}

void
resolve_free(struct resolve *r)
{
    if (r && r->running)
        r->fn = NULL;
    else
        free(r);
}
