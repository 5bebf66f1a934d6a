#include "daemon/store.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/fd.h"

struct store_entry {
    struct store_entry *next;
    struct address asked;
    unsigned nth;
    struct address bound;
    unsigned count;
    int fds[PROTO_FDS_MAX];
};

bool
store_is_same(const struct address *a, const struct address *b)
{
    return a->len == b->len && memcmp(&a->sa, &b->sa, a->len) == 0;
}

static struct store_entry *
store_find(struct store *s, const struct proto_listen *listen)
{
    for (struct store_entry *e = s->entries; e; e = e->next)
        if (e->nth == listen->nth && store_is_same(&e->asked, &listen->address))
            return e;
    return NULL;
}

static int
store_open(struct store *s, const struct proto_listen *listen, struct store_entry **ret,
           struct err *reterr)
{
    unsigned count = MIN(MAX(listen->count, 1), PROTO_FDS_MAX);
    struct store_entry *e = calloc(1, sizeof(*e));
    int r;

    if (!e)
        return err_set(reterr, -ENOMEM, "no memory for a listening socket");
    e->asked = listen->address;
    e->nth = listen->nth;
    e->count = address_is_tcp(&listen->address) ? count : 1;
    r = listen_open(&listen->address, &listen->options, e->count, e->fds, &e->bound, reterr);
    if (r < 0) {
        free(e);
        return r;
    }
    e->next = s->entries;
    s->entries = e;
    *ret = e;
    return 0;
}

int
store_get(struct store *s, const struct proto_listen *listen, struct address *ret_bound,
          const int **ret_fds, unsigned *ret_count, struct err *reterr)
{
    struct store_entry *e = store_find(s, listen);
    int r = e ? 0 : store_open(s, listen, &e, reterr);

    if (r < 0)
        return r;
    assert(e);
    *ret_bound = e->bound;
    *ret_fds = e->fds;
    *ret_count = e->count;
    return 0;
}

void
store_fini(struct store *s)
{
    while (s->entries) {
        struct store_entry *e = s->entries;

        s->entries = e->next;
        for (unsigned i = 0; i < e->count; i++)
            fd_close(e->fds[i]);
        listen_unlink(&e->bound);
        free(e);
    }
}
